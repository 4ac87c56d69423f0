"""Creates the resources in the local AWS that Terraform creates on AWS, through the same API, and returns their names.

It can run on every start: existing, correct resources are left unchanged. The roles only have trust policies. Their
permissions are defined once, in terraform/, so these roles are allowed nothing if IAM is enforced.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from botocore.exceptions import ClientError

from bundle.catalog_table import CatalogTable, read_catalog_table
from bundle.contents import glue_package
from local_aws.clients import local_client, local_session
from local_aws.control_planes.redshift_serverless import new_password
from local_aws.protocol.account import ACCOUNT_ID, DEFAULT_REGION
from local_platform.checkout import GLUE_SCRIPTS, PLUGINS
from local_platform.names import SETTINGS_SECRET, Names, Provisioned

SCRIPT_KEY = "glue/curate_crypto_prices.py"
PACKAGE_KEY = "glue/crypto_prices_etl.zip"

MWAA_ROLE = "crypto-prices-mwaa"
GLUE_ROLE = "crypto-prices-glue"

DEFAULT_MAX_REJECTED_SHARE = 0.01
DEFAULT_SYMBOLS: Mapping[str, tuple[str, ...]] = {
    "binance": ("BTCUSDT", "ETHUSDT", "BNBUSDT", "SOLUSDT", "XRPUSDT", "ADAUSDT", "DOGEUSDT", "LTCUSDT"),
}
_LOCAL_REQUESTS_PER_SECOND = 100
_WAIT_SECONDS = 30


def provision(
    endpoint: str,
    *,
    exchange_urls: Mapping[str, str] | None = None,
    symbols: Mapping[str, Sequence[str]] = DEFAULT_SYMBOLS,
    candle_interval: str = "1h",
    max_rejected_share: float = DEFAULT_MAX_REJECTED_SHARE,
    glue_scripts: Path = GLUE_SCRIPTS,
    names: Names = Names(),  # noqa: B008 - frozen
    write_settings: bool = True,
) -> Provisioned:
    """Create missing resources and update different ones.

    Args:
        endpoint: The URL of the local AWS.
        exchange_urls: The base URL of each source's API; None means the local exchange, which allows more requests
            per second than the real ones.
        symbols: The exchange symbols of each source.
        candle_interval: The length of a candle.
        max_rejected_share: The share of rejected records, from 0 to 1, above which a Glue run fails.
        glue_scripts: The folder with the Glue script and its package.
        names: The names of the resources.
        write_settings: Whether to write the secret with the bundle's settings.

    Returns:
        The names of all resources, and descriptions of the created ones.

    Raises:
        FileNotFoundError: The Glue script is not in the folder.
        BundleError: Its package is not in the folder.
        TimeoutError: The warehouse did not become available.
    """
    step = _Provisioning(endpoint, names)
    step.bucket()
    step.glue_code(glue_scripts)
    mwaa_role_arn = step.role(MWAA_ROLE, ("airflow.amazonaws.com", "airflow-env.amazonaws.com"))
    glue_role_arn = step.role(GLUE_ROLE, ("glue.amazonaws.com",))
    # As in terraform/iam.tf, for the format that the local Redshift sends.
    administrator = f"arn:aws:redshift:{names.region}:{ACCOUNT_ID}:dbuser:serverless-{ACCOUNT_ID}-*/admin"
    copy_role_arn = step.role(
        names.copy_role,
        ("redshift.amazonaws.com", "redshift-serverless.amazonaws.com"),
        {"Condition": {"StringLike": {"sts:ExternalId": administrator}}},
    )
    step.glue_job(glue_role_arn)
    secret_arn = step.warehouse(copy_role_arn)
    sources: dict[str, dict[str, Any]] = {source: {"symbols": list(listed)} for source, listed in symbols.items()}
    for source, settings in sources.items():
        if exchange_urls is None:
            settings |= {"api_url": f"{endpoint}/exchange/{source}", "requests_per_second": _LOCAL_REQUESTS_PER_SECOND}
        else:
            settings["api_url"] = exchange_urls[source]
    if write_settings:
        step.settings(
            {
                "s3_bucket": names.bucket,
                "glue_job_name": names.glue_job,
                "catalog_database": names.catalog_database,
                "catalog_table": names.catalog_table,
                "redshift_workgroup": names.redshift,
                "redshift_database": names.redshift_database,
                "redshift_secret_arn": secret_arn,
                "redshift_copy_role_arn": copy_role_arn,
                "candle_interval": candle_interval,
                "max_rejected_share": max_rejected_share,
                "quality_rules": {},
                "sources": sources,
            }
        )
    return Provisioned(
        endpoint=endpoint,
        region=names.region,
        account_id=ACCOUNT_ID,
        bucket=names.bucket,
        catalog_database=names.catalog_database,
        catalog_table=names.catalog_table,
        glue_job=names.glue_job,
        redshift_namespace=names.redshift,
        redshift_workgroup=names.redshift,
        redshift_database=names.redshift_database,
        redshift_secret_arn=secret_arn,
        redshift_copy_role_arn=copy_role_arn,
        mwaa_role_arn=mwaa_role_arn,
        glue_role_arn=glue_role_arn,
        settings_secret=SETTINGS_SECRET if write_settings else None,
        created=tuple(step.created),
    )


def upload_glue_code(endpoint: str, names: Names, glue_scripts: Path = GLUE_SCRIPTS) -> tuple[str, ...]:
    """Upload the Glue script and its package if they differ, and update the catalog table to their columns.

    Args:
        endpoint: The URL of the local AWS, on which ``provision`` has run.
        names: The names of the resources.
        glue_scripts: The folder with the Glue script and its package.

    Returns:
        Descriptions of the changes.

    Raises:
        FileNotFoundError: The Glue script or its package is not in the folder.
    """
    step = _Provisioning(endpoint, names)
    step.glue_code(glue_scripts)
    return tuple(step.created)


class _Provisioning:
    """The provisioning steps. Each step changes a resource only if it is missing or different."""

    def __init__(self, endpoint: str, names: Names) -> None:
        session = local_session(region=names.region)
        services = ("s3", "iam", "glue", "secretsmanager", "redshift-serverless")
        self._clients = {service: local_client(service, endpoint, session) for service in services}
        self._names = names
        self.created: list[str] = []

    def bucket(self) -> None:
        s3, bucket, region = self._clients["s3"], self._names.bucket, self._names.region
        if _found(lambda: s3.head_bucket(Bucket=bucket)) is None:
            # us-east-1 is the only region that CreateBucket does not accept by name.
            elsewhere = (
                {"CreateBucketConfiguration": {"LocationConstraint": region}} if region != DEFAULT_REGION else {}
            )
            s3.create_bucket(Bucket=bucket, **elsewhere)
            self.created.append(f"bucket {bucket}")
        if s3.get_bucket_versioning(Bucket=bucket).get("Status") != "Enabled":
            s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})

    def glue_code(self, glue_scripts: Path) -> None:
        self._object(SCRIPT_KEY, (glue_scripts / "curate_crypto_prices.py").read_bytes())
        self._object(PACKAGE_KEY, glue_package(glue_scripts, PLUGINS))
        self._catalog(read_catalog_table(glue_scripts, PLUGINS))

    def _object(self, key: str, body: bytes) -> None:
        s3, bucket = self._clients["s3"], self._names.bucket
        digest = hashlib.sha256(body).hexdigest()
        head = _found(lambda: s3.head_object(Bucket=bucket, Key=key))
        if head is None or head["Metadata"].get("sha256") != digest:
            s3.put_object(Bucket=bucket, Key=key, Body=body, Metadata={"sha256": digest})
            self.created.append(f"object s3://{bucket}/{key}")

    def role(self, name: str, services: tuple[str, ...], more: Mapping[str, Any] = MappingProxyType({})) -> str:
        iam = self._clients["iam"]
        found = _found(lambda: iam.get_role(RoleName=name))
        if found is None:
            trust = {
                "Version": "2012-10-17",
                "Statement": [
                    {"Effect": "Allow", "Principal": {"Service": list(services)}, "Action": "sts:AssumeRole", **more}
                ],
            }
            found = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
            self.created.append(f"role {name}")
        return str(found["Role"]["Arn"])

    def _catalog(self, table: CatalogTable) -> None:
        glue, database, table_name = self._clients["glue"], self._names.catalog_database, self._names.catalog_table
        if _found(lambda: glue.get_database(Name=database)) is None:
            glue.create_database(DatabaseInput={"Name": database, "Description": "The crypto price lake"})
            self.created.append(f"Glue database {database}")
        parquet = "org.apache.hadoop.hive.ql.io.parquet"
        wanted = {
            "Name": table_name,
            "Description": table.description,
            "TableType": "EXTERNAL_TABLE",
            "Parameters": {"classification": "parquet", "EXTERNAL": "TRUE"},
            "PartitionKeys": table.partition_keys,
            "StorageDescriptor": {
                "Columns": table.columns,
                "Location": f"s3://{self._names.bucket}/curated/crypto_prices/",
                "InputFormat": f"{parquet}.MapredParquetInputFormat",
                "OutputFormat": f"{parquet}.MapredParquetOutputFormat",
                "SerdeInfo": {"SerializationLibrary": f"{parquet}.serde.ParquetHiveSerDe"},
            },
        }
        found = _found(lambda: glue.get_table(DatabaseName=database, Name=table_name))
        if found is None:
            glue.create_table(DatabaseName=database, TableInput=wanted)
            self.created.append(f"Glue table {database}.{table_name}")
            return
        found = found["Table"]
        if table != CatalogTable(
            found.get("Description", ""), found["StorageDescriptor"]["Columns"], found["PartitionKeys"]
        ):
            glue.update_table(DatabaseName=database, TableInput=wanted)
            self.created.append(f"new columns or comments of Glue table {database}.{table_name}")

    def glue_job(self, role_arn: str) -> None:
        glue, name = self._clients["glue"], self._names.glue_job
        wanted = {
            "Description": "Curates one window of raw candles",
            "Role": role_arn,
            "ExecutionProperty": {"MaxConcurrentRuns": 10},
            "Command": {
                "Name": "glueetl",
                "ScriptLocation": f"s3://{self._names.bucket}/{SCRIPT_KEY}",
                "PythonVersion": "3",
            },
            "DefaultArguments": {
                "--job-language": "python",
                "--extra-py-files": f"s3://{self._names.bucket}/{PACKAGE_KEY}",
                "--enable-metrics": "true",
                "--enable-job-insights": "true",
                "--enable-observability-metrics": "true",
                "--enable-continuous-cloudwatch-log": "true",
                # Bookmarks skip objects by name and time, so cleared tasks and backfills would skip data.
                "--job-bookmark-option": "job-bookmark-disable",
            },
            "MaxRetries": 0,
            "Timeout": 60,
            "GlueVersion": "6.0",
            "WorkerType": "G.1X",
            "NumberOfWorkers": 2,
            "ExecutionClass": "STANDARD",
        }
        job = _found(lambda: glue.get_job(JobName=name))
        if job is None:
            glue.create_job(Name=name, **wanted)
            self.created.append(f"Glue job {name}")
        elif any(job["Job"].get(member) != value for member, value in wanted.items()):
            glue.update_job(JobName=name, JobUpdate=wanted)
            self.created.append(f"new definition of Glue job {name}")

    def warehouse(self, copy_role_arn: str) -> str:
        manager, serverless = self._clients["secretsmanager"], self._clients["redshift-serverless"]
        name, admin_secret = self._names.redshift, self._names.admin_secret
        secret = _found(lambda: manager.get_secret_value(SecretId=admin_secret))
        if secret is None:
            text = json.dumps({"username": "admin", "password": new_password()})
            secret = {**manager.create_secret(Name=admin_secret, SecretString=text), "SecretString": text}
            self.created.append(f"secret {admin_secret}")
        if _found(lambda: serverless.get_namespace(namespaceName=name)) is None:
            admin = json.loads(secret["SecretString"])
            serverless.create_namespace(
                namespaceName=name,
                dbName=self._names.redshift_database,
                adminUsername=admin["username"],
                adminUserPassword=admin["password"],
                iamRoles=[copy_role_arn],
                defaultIamRoleArn=copy_role_arn,
            )
            self.created.append(f"Redshift namespace {name}")
        if _found(lambda: serverless.get_workgroup(workgroupName=name)) is None:
            serverless.create_workgroup(
                workgroupName=name,
                namespaceName=name,
                baseCapacity=8,
                # Below the task's timeout of 20 minutes, so that a statement does not run on during the task's retry.
                configParameters=[{"parameterKey": "max_query_execution_time", "parameterValue": "1100"}],
            )
            self.created.append(f"Redshift workgroup {name}")
        deadline = time.monotonic() + _WAIT_SECONDS
        while (status := serverless.get_workgroup(workgroupName=name)["workgroup"]["status"]) != "AVAILABLE":
            if time.monotonic() > deadline:
                raise TimeoutError(f"the workgroup {name} is still {status} after {_WAIT_SECONDS} seconds")
            time.sleep(0.1)
        return str(secret["ARN"])

    def settings(self, wanted: Mapping[str, Any]) -> None:
        """Write the bundle's settings if they differ, for example in the port. This overwrites manual edits."""
        manager = self._clients["secretsmanager"]
        text = json.dumps(wanted)
        secret = _found(lambda: manager.get_secret_value(SecretId=SETTINGS_SECRET))
        if secret is None:
            manager.create_secret(Name=SETTINGS_SECRET, SecretString=text)
            self.created.append(f"secret {SETTINGS_SECRET}")
        elif json.loads(secret["SecretString"]) != wanted:
            manager.put_secret_value(SecretId=SETTINGS_SECRET, SecretString=text)
            self.created.append(f"new settings in secret {SETTINGS_SECRET}")


NOT_FOUND = frozenset(
    {"404", "NoSuchBucket", "NoSuchKey", "NoSuchEntity", "EntityNotFoundException", "ResourceNotFoundException"}
)
"""AWS's error codes for a resource that does not exist."""


def _found(read: Callable[[], dict[str, Any]]) -> dict[str, Any] | None:
    """Return the response of a read call, or None if the resource does not exist."""
    try:
        return read()
    except ClientError as error:
        if error.response["Error"]["Code"] in NOT_FOUND:
            return None
        raise
