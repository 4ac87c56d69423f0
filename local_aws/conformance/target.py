"""What the examples run against: an emulator that the suite starts, or a real account that the environment names."""

from __future__ import annotations

import contextlib
import io
import json
import math
import os
import secrets
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from local_aws.conformance.cleanup import deleted
from local_aws.conformance.sql_run import Statements
from local_aws.launcher import RunningLocalAws, running_local_aws
from local_aws.ports import free_port

SETTINGS = {
    "CONFORMANCE_WORKGROUP": "workgroup of Redshift Serverless, whose user may create databases",
    "CONFORMANCE_DATABASE": "database of the workgroup to connect to first; nothing in it is read or changed",
    "CONFORMANCE_ROLE_ARN": "role that Glue and Redshift may assume, with access to the bucket",
    "CONFORMANCE_BUCKET": "bucket; the suite writes below one prefix of its own",
}
SECRET_SETTING = "CONFORMANCE_SECRET_ARN"  # noqa: S105
AGREEMENT = "CONFORMANCE_YES"
_ADMIN = "conformance"
_PASSWORD = "Conformance-1"  # noqa: S105 - of a warehouse that exists during a run
_STATUS_SECONDS = 60
_HOURS = 0.5
_RPU_HOUR_USD = 0.375  # us-east-1: https://aws.amazon.com/redshift/pricing/


class TargetError(Exception):
    """The target cannot be used."""


@dataclass(frozen=True)
class Target:
    """Where examples run.

    Attributes:
        emulated: Whether it is the emulator.
        prefix: Begins the name of everything that the suite creates, and of every key in the bucket.
        bucket: The bucket.
        role_arn: The role of Glue runs and of COPY.
        workgroup: The workgroup of Redshift Serverless.
        database: The suite's own database.
        secret_arn: The secret with the database user's password; empty for the caller's own database user.
        environment: The environment variables of programs that use the target.
        warehouse_port: The port of the emulator's warehouse; None for a real account.
        region: The AWS region.
        account: The number of the account.
    """

    emulated: bool
    prefix: str
    bucket: str
    role_arn: str
    workgroup: str
    database: str
    secret_arn: str
    environment: Mapping[str, str]
    warehouse_port: int | None
    region: str
    account: str

    def client(self, service: str) -> Any:
        """Return a boto3 client."""
        return aws_client(service, self.environment)

    def statements(self, database: str = "") -> Statements:
        """Return what runs statements in the suite's own database, or in another one."""
        secret = {"SecretArn": self.secret_arn} if self.secret_arn else {}
        return Statements(
            self.client("redshift-data"),
            {"WorkgroupName": self.workgroup, "Database": database or self.database, **secret},
        )

    def store_examples(self) -> None:
        """Store the object that the examples of COPY read: a row (1, 'a') of the columns i and v, as Parquet."""
        body = io.BytesIO()
        pq.write_table(pa.table({"i": pa.array([1], pa.int32()), "v": ["a"]}), body)
        self.client("s3").put_object(Bucket=self.bucket, Key=f"{self.prefix}/copy/a.parquet", Body=body.getvalue())

    @property
    def values(self) -> dict[str, str]:
        """The values that requests of examples name in braces."""
        return {
            "prefix": self.prefix,
            "bucket": self.bucket,
            "role_arn": self.role_arn,
            "role_name": self.role_arn.rpartition("/")[2],
            "workgroup": self.workgroup,
            "database": self.database,
            "region": self.region,
            "account": self.account,
        }


def is_real(environment: Mapping[str, str]) -> bool:
    """Return whether the environment names a real account: one of the settings is there."""
    return any(environment.get(name) for name in SETTINGS)


@contextlib.contextmanager
def emulator_target() -> Iterator[Target]:
    """Start an emulator with the resources that the examples need, and stop it."""
    port = free_port()
    with (
        tempfile.TemporaryDirectory(prefix="conformance-") as folder,
        running_local_aws(Path(folder), options=["--warehouse-port", str(port)]) as running,
    ):
        target = _provisioned(running, port)
        target.store_examples()
        yield target


def _provisioned(aws: RunningLocalAws, port: int) -> Target:
    services = ["glue.amazonaws.com", "redshift.amazonaws.com", "redshift-serverless.amazonaws.com"]
    trust = {"Effect": "Allow", "Principal": {"Service": services}, "Action": "sts:AssumeRole"}
    name = "conformance"
    iam = aws.client("iam")
    role = iam.create_role(
        RoleName=name, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    )
    permissions = {"Effect": "Allow", "Action": ["s3:*", "glue:*", "logs:*"], "Resource": "*"}
    iam.put_role_policy(
        RoleName=name, PolicyName=name, PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [permissions]})
    )
    role_arn = role["Role"]["Arn"]
    aws.client("s3").create_bucket(Bucket=name)
    secret = aws.client("secretsmanager").create_secret(
        Name=name, SecretString=json.dumps({"username": _ADMIN, "password": _PASSWORD})
    )
    serverless = aws.client("redshift-serverless")
    serverless.create_namespace(
        namespaceName=name, dbName=name, adminUsername=_ADMIN, adminUserPassword=_PASSWORD, iamRoles=[role_arn]
    )
    serverless.create_workgroup(workgroupName=name, namespaceName=name)
    deadline = time.monotonic() + _STATUS_SECONDS
    while serverless.get_workgroup(workgroupName=name)["workgroup"]["status"] != "AVAILABLE":
        if time.monotonic() > deadline:
            raise TargetError(f"The emulator's workgroup is not available after {_STATUS_SECONDS} seconds.")
        time.sleep(0.05)
    environment = {**os.environ, **aws.environment()}
    return Target(
        emulated=True,
        prefix=name,
        bucket=name,
        role_arn=role_arn,
        workgroup=name,
        database=name,
        secret_arn=secret["ARN"],
        environment=environment,
        warehouse_port=port,
        region=environment["AWS_REGION"],
        account=role_arn.split(":")[4],
    )


def account_plan(environment: Mapping[str, str]) -> str:
    """Return what the suite creates in a real account and what it costs.

    Raises:
        TargetError: A setting is missing, or the workgroup cannot be read.
    """
    if missing := [name for name in SETTINGS if not environment.get(name)]:
        raise TargetError(
            f"Set {', '.join(missing)}, too: {SETTINGS[missing[0]]}. Or unset all CONFORMANCE_ variables."
        )
    workgroup = environment["CONFORMANCE_WORKGROUP"]
    try:
        described = aws_client("redshift-serverless", environment).get_workgroup(workgroupName=workgroup)
    except (BotoCoreError, ClientError) as refused:
        raise TargetError(f"The workgroup {workgroup} cannot be read: {refused}") from refused
    capacity = described["workgroup"]["baseCapacity"]
    return "\n".join(
        [
            f"This run uses a real AWS account: workgroup {workgroup}, bucket {environment['CONFORMANCE_BUCKET']}.",
            "It creates, with names that start with conformance-, and deletes again:",
            "  - one database in the workgroup, with all tables of the SQL examples",
            "  - databases, tables and jobs in the Glue Data Catalog, and a few Glue runs of two workers",
            "  - objects below one prefix of the bucket, IAM users, roles and policies, and secrets",
            f"It takes about half an hour. With the workgroup's base capacity of {capacity} RPU, Redshift Serverless "
            f"then costs about {math.ceil(capacity * _HOURS * _RPU_HOUR_USD)} USD.",
            "Glue, S3 and Secrets Manager cost less than 1 USD (prices of us-east-1).",
        ]
    )


@contextlib.contextmanager
def account_target(environment: Mapping[str, str]) -> Iterator[Target]:
    """Create the suite's own database in the account that the environment names, and delete what the suite created.

    Raises:
        TargetError: The credentials or the workgroup cannot be used.
    """
    name = f"conformance-{secrets.token_hex(4)}"
    try:
        identity = aws_client("sts", environment).get_caller_identity()
    except (BotoCoreError, ClientError) as refused:
        raise TargetError(f"AWS does not accept the credentials: {refused}") from refused
    target = Target(
        emulated=False,
        prefix=name,
        bucket=environment["CONFORMANCE_BUCKET"],
        role_arn=environment["CONFORMANCE_ROLE_ARN"],
        workgroup=environment["CONFORMANCE_WORKGROUP"],
        database=name.replace("-", "_"),
        secret_arn=environment.get(SECRET_SETTING, ""),
        environment=environment,
        warehouse_port=None,
        region=boto3.session.Session().region_name or "",
        account=identity["Account"],
    )
    first = target.statements(environment["CONFORMANCE_DATABASE"])
    if error := first.run(f"CREATE DATABASE {target.database}").error:
        raise TargetError(f"The database {target.database} cannot be created: {error}")
    try:
        target.store_examples()
        yield target
    finally:
        if left := deleted(target, first):
            print("Delete these yourself:", *left, sep="\n  ")


def aws_client(service: str, environment: Mapping[str, str]) -> Any:
    """Return a boto3 client."""
    endpoint = environment.get("AWS_ENDPOINT_URL")
    session = boto3.session.Session()
    if endpoint:
        session = boto3.session.Session(
            aws_access_key_id=environment.get("AWS_ACCESS_KEY_ID"),
            aws_secret_access_key=environment.get("AWS_SECRET_ACCESS_KEY"),
            aws_session_token=environment.get("AWS_SESSION_TOKEN"),
            region_name=environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION"),
        )
    config = Config(
        parameter_validation=False,
        s3={"addressing_style": "path"} if endpoint else {},
        inject_host_prefix=False if endpoint else None,
    )
    return session.client(service, endpoint_url=endpoint, config=config)  # type: ignore[call-overload]
