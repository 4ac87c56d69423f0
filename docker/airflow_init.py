"""What must be true before Airflow starts: its tables are there, AWS answers, and what the settings name exists.

Runs once per ``docker compose up``, in the Airflow image. The same for the local AWS and for a real account: the
composition cannot say "after local-aws is healthy", because with a real account there is no such service.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError, HTTPClientError

SETTINGS = "AIRFLOW_VAR_CRYPTO_PRICES_SETTINGS"
WAIT_SECONDS = 180
"""How long what is missing is waited for: the local AWS creates it while it starts."""
_PAUSE_SECONDS = 2
_ABSENT = frozenset({"404", "NoSuchBucket", "EntityNotFoundException", "ResourceNotFoundException"})


class NotReadyError(Exception):
    """AWS does not answer, refuses, or lacks what the settings name; the message says what to do."""


def checks(settings: Mapping[str, Any], client: Callable[[str], Any]) -> list[tuple[str, Callable[[], Any]]]:
    """Return what the settings name in AWS, and a call each that fails when it is not there.

    The calls are those that the bundle's tasks make too, so a role that may run the bundle may make them.

    Args:
        settings: The bundle's settings.
        client: Gives a boto3 client of a service.
    """
    table = f"{settings['catalog_database']}.{settings['catalog_table']}"
    return [
        ("S3_BUCKET " + settings["s3_bucket"], lambda: client("s3").head_bucket(Bucket=settings["s3_bucket"])),
        (
            "GLUE_JOB_NAME " + settings["glue_job_name"],
            lambda: client("glue").get_job(JobName=settings["glue_job_name"]),
        ),
        (
            f"GLUE_DATABASE and GLUE_TABLE {table}",
            lambda: client("glue").get_table(DatabaseName=settings["catalog_database"], Name=settings["catalog_table"]),
        ),
        (
            "REDSHIFT_SECRET_ARN " + settings["redshift_secret_arn"],
            lambda: client("secretsmanager").get_secret_value(SecretId=settings["redshift_secret_arn"]),
        ),
        (
            f"REDSHIFT_WORKGROUP {settings['redshift_workgroup']} with REDSHIFT_DATABASE "
            f"{settings['redshift_database']}, which REDSHIFT_SECRET_ARN opens",
            lambda: _ask_warehouse(client("redshift-data"), settings),
        ),
    ]


def _ask_warehouse(data_api: Any, settings: Mapping[str, Any]) -> None:
    statement = data_api.execute_statement(
        WorkgroupName=settings["redshift_workgroup"],
        Database=settings["redshift_database"],
        SecretArn=settings["redshift_secret_arn"],
        Sql="SELECT 1",
    )
    while (found := data_api.describe_statement(Id=statement["Id"]))["Status"] not in ("FINISHED", "FAILED", "ABORTED"):
        time.sleep(_PAUSE_SECONDS / 4)
    if found["Status"] != "FINISHED":
        raise NotReadyError(found.get("Error") or found["Status"])


def await_aws(
    settings: Mapping[str, Any],
    client: Callable[[str], Any],
    *,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> list[str]:
    """Wait until AWS has everything that the settings name.

    Returns:
        What was found, in words.

    Raises:
        NotReadyError: AWS refuses a call, or something was not there within ``WAIT_SECONDS``.
    """
    deadline = clock() + WAIT_SECONDS
    found = []
    for name, check in checks(settings, client):
        while (absent := _absence(name, check)) is not None:
            if clock() > deadline:
                raise NotReadyError(f"{absent} (waited {WAIT_SECONDS} s)")
            sleep(_PAUSE_SECONDS)
        found.append(name)
    return found


def _absence(name: str, check: Callable[[], Any]) -> str | None:
    """Return why something may still come, or None when it is there; what will not come is raised."""
    try:
        check()
    except (EndpointConnectionError, HTTPClientError) as error:
        return f"AWS does not answer: {error}. Is AWS_ENDPOINT_URL right, and local-aws in COMPOSE_PROFILES?"
    except ClientError as error:
        code = error.response["Error"]["Code"]
        # A workgroup that is not there yet is a ValidationException of the Data API.
        if code in _ABSENT or (error.operation_name == "ExecuteStatement" and code == "ValidationException"):
            return f"{name} is not there: {error}"
        raise NotReadyError(f"{name}: {error}") from error
    except BotoCoreError as error:  # no credentials, no region
        raise NotReadyError(f"{name}: {error}. Set AWS_REGION and AWS_ACCESS_KEY_ID … in .env") from error
    except NotReadyError as error:
        raise NotReadyError(f"{name}: {error}") from error
    return None


def main() -> int:
    """Migrate, wait, and say what was found; return 1 when Airflow must not start."""
    migrated = subprocess.run(["airflow", "db", "migrate"], check=False)  # noqa: S607 - wherever the image has it
    if migrated.returncode:
        return migrated.returncode
    try:
        settings = json.loads(os.environ[SETTINGS])
    except ValueError as error:
        print(f"The values in .env do not make a JSON object of {SETTINGS}: {error}.\n{os.environ[SETTINGS]}")
        return 1
    session: Any = boto3.session.Session()
    config = Config(connect_timeout=5, read_timeout=20, retries={"total_max_attempts": 2})
    try:
        for found in await_aws(settings, lambda service: session.client(service, config=config)):
            print(f"found {found}")
    except NotReadyError as error:
        print(f"Airflow is not started: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
