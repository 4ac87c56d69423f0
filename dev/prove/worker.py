"""A worker of an MWAA environment on this machine: the environment's files, configuration and role, and nothing else.

Like MWAA, it gets the files in the environment's bucket, the configuration options and the credentials of the execution
role (https://docs.aws.amazon.com/mwaa/latest/userguide/mwaa-create-role.html).
"""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from local_aws.clients import aws_environment, local_client, local_session
from local_aws.iam.role_sessions import AIRFLOW
from local_aws.protocol.account import ACCOUNT_ID
from local_platform.airflow_environment import airflow_environment

_SESSION = "AmazonMWAA-airflow"
"""MWAA's session name, which all containers of an environment share."""


class WorkerError(Exception):
    """The environment cannot start a worker; the message names what is missing."""


@dataclass(frozen=True)
class Worker:
    """The folder and the environment of a worker.

    Attributes:
        home: Folder with ``dags/``, ``plugins/``, ``requirements.txt`` and Airflow's files.
        variables: Its environment variables.
    """

    home: Path
    variables: Mapping[str, str]


def start_worker(endpoint: str, environment_name: str, home: Path) -> Worker:
    """Fetch the environment's files with its role.

    Args:
        endpoint: The URL of the local AWS.
        environment_name: The name of the MWAA environment.
        home: The worker's folder. Files of an earlier start are replaced.

    Raises:
        WorkerError: The role cannot be assumed, or a file cannot be read.
    """
    environment = local_client("mwaa", endpoint).get_environment(Name=environment_name)["Environment"]
    credentials = _credentials(endpoint, environment["ExecutionRoleArn"])
    session = local_session(
        access_key_id=credentials["AccessKeyId"],
        secret_access_key=credentials["SecretAccessKey"],
        session_token=credentials["SessionToken"],
    )
    try:
        _fetch(local_client("s3", endpoint, session), environment, home)
    except ClientError as error:
        raise WorkerError(f"the environment's bucket cannot be read: {error}") from error
    aws = aws_environment(endpoint) | {
        "AWS_ACCESS_KEY_ID": credentials["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": credentials["SecretAccessKey"],
        "AWS_SESSION_TOKEN": credentials["SessionToken"],
    }
    return Worker(
        home=home,
        variables=airflow_environment(home, aws) | _files(home) | _options(environment),
    )


def session_clients(endpoint: str, role: str, service: str, external_id: str | None = None) -> Callable[[str], Any]:
    """Return a function that returns boto3 clients of a role, assumed by the service that the role trusts.

    Args:
        endpoint: The URL of the local AWS.
        role: The role's name.
        service: The service, such as ``glue.amazonaws.com``.
        external_id: The sts:ExternalId that the service sends, or None for a service that sends none.
    """
    sts = local_client("sts", endpoint, local_session(access_key_id=service))
    arn = f"arn:aws:iam::{ACCOUNT_ID}:role/{role}"
    more = {} if external_id is None else {"ExternalId": external_id}
    credentials = sts.assume_role(RoleArn=arn, RoleSessionName="proof", **more)["Credentials"]
    session = local_session(
        access_key_id=credentials["AccessKeyId"],
        secret_access_key=credentials["SecretAccessKey"],
        session_token=credentials["SessionToken"],
    )
    return lambda name: local_client(name, endpoint, session)


def _credentials(endpoint: str, role_arn: str) -> Mapping[str, str]:
    sts = local_client("sts", endpoint, local_session(access_key_id=AIRFLOW))
    try:
        credentials: Mapping[str, str] = sts.assume_role(RoleArn=role_arn, RoleSessionName=_SESSION)["Credentials"]
    except ClientError as error:
        raise WorkerError(f"MWAA cannot assume the role {role_arn}: {error}") from error
    return credentials


def _fetch(s3: Any, environment: Mapping[str, Any], home: Path) -> None:
    bucket = environment["SourceBucketArn"].rpartition(":")[2]
    dags, plugins = home / "dags", home / "plugins"
    for folder in (dags, plugins):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    prefix = environment["DagS3Path"].strip("/") + "/"
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for item in page.get("Contents", []):
            target = dags / item["Key"].removeprefix(prefix)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(s3.get_object(Bucket=bucket, Key=item["Key"])["Body"].read())
    archive = home / "plugins.zip"
    archive.write_bytes(_version(s3, bucket, environment, "Plugins"))
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(plugins)
    (home / "requirements.txt").write_bytes(_version(s3, bucket, environment, "Requirements"))


def _version(s3: Any, bucket: str, environment: Mapping[str, Any], what: str) -> bytes:
    """Return the version of a file that the environment pins."""
    key, version = environment[f"{what}S3Path"], environment[f"{what}S3ObjectVersion"]
    body: bytes = s3.get_object(Bucket=bucket, Key=key, VersionId=version)["Body"].read()
    return body


def _files(home: Path) -> dict[str, str]:
    return {
        "AIRFLOW__CORE__DAGS_FOLDER": str(home / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(home / "plugins"),
    }


def _options(environment: Mapping[str, Any]) -> dict[str, str]:
    """Return the environment's configuration options as environment variables."""
    options: Mapping[str, str] = environment.get("AirflowConfigurationOptions", {})
    return {f"AIRFLOW__{name.replace('.', '__', 1).upper()}": value for name, value in options.items()}
