"""Checks the preconditions of Airflow, and migrates its database.

The bundle must be readable and the settings valid. AWS must respond and have the resources that the settings name.
The runs in this Airflow must belong to the same AWS.

This runs once per ``docker compose up``, in the Airflow image, for both the local AWS and a real account. The Compose
file cannot wait for local-aws to be healthy, because that service does not exist with a real account.
"""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError, HTTPClientError, SSLError

SETTINGS = "AIRFLOW_VAR_CRYPTO_PRICES_SETTINGS"
CHOICES_FILE = "AIRFLOW__CRYPTO_PRICES__CHOICES_FILE"
BUNDLE = ("dags", "sql", "plugins")
KNOWN_AWS = "crypto_prices_aws"
"""The Airflow Variable that stores the AWS of this Airflow's runs."""
WAIT_SECONDS = 180
"""How long to wait for missing resources, which the local AWS creates while it starts, and for a statement."""
_PAUSE_SECONDS = 2
_REAL_KEY = ("AKIA", "ASIA")  # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
_SHELL_WINS = "A variable of the shell overrides .env. Remove it with `env -u <NAME> docker compose …`."
_SHELL_KEYS_WIN = (
    "Keys of the shell override .env. Remove them with `env -u AWS_ACCESS_KEY_ID -u AWS_SECRET_ACCESS_KEY -u "
    "AWS_SESSION_TOKEN docker compose …`."
)
_ABSENT = frozenset({"404", "NoSuchBucket", "EntityNotFoundException", "ResourceNotFoundException"})


class NotReadyError(Exception):
    """Airflow cannot start. The message contains the problem and the remedy."""


def check_bundle(home: Path) -> None:
    """Check that Airflow's user can read the mounted bundle, which has the modes of the checkout.

    Args:
        home: Airflow's home, with ``dags/``, ``sql/`` and ``plugins/``.

    Raises:
        NotReadyError: Something is missing or cannot be read.
    """
    for name in BUNDLE:
        files = [path for path in (home / name).rglob("*") if "__pycache__" not in path.parts]
        unreadable = [path for path in (home / name, *files) if not os.access(path, os.R_OK)]
        if unreadable or not files:
            raise NotReadyError(
                f"Airflow's user (id {os.geteuid()}) cannot read {unreadable[0]}. In the checkout, run: chmod -R a+rX "
                "dags sql plugins glue_scripts local_aws (and with SELinux: chcon -R -t container_file_t .)"
                if unreadable
                else f"{home / name} is empty: docker-compose.yaml mounts ./{name} of the checkout there"
            )


def check_settings(text: str, environment: Mapping[str, str]) -> dict[str, Any]:
    """Validate the bundle's settings with the bundle's own code, and return them.

    Args:
        text: The JSON that docker-compose.yaml builds from .env.
        environment: The container's environment.

    Raises:
        NotReadyError: The bundle refuses the settings, or they contradict the region, endpoint or credentials.
    """
    from crypto_prices.settings import SettingsError, parse_settings

    try:
        parse_settings(text)
    except SettingsError as error:
        raise NotReadyError(f"{error} The settings come from .env: {text}") from None
    settings: dict[str, Any] = json.loads(text)
    region, secret = environment["AWS_REGION"], settings["redshift_secret_arn"]
    if secret.split(":")[3] != region:
        raise NotReadyError(f"AWS_REGION is {region}, but REDSHIFT_SECRET_ARN is {secret}. {_SHELL_WINS}")
    endpoint, key = environment.get("AWS_ENDPOINT_URL"), environment.get("AWS_ACCESS_KEY_ID", "")
    if endpoint and (key.startswith(_REAL_KEY) or environment.get("AWS_SESSION_TOKEN")):
        raise NotReadyError(
            f"the credentials ({key[:8]}…) belong to a real account, but would be sent to {endpoint}. {_SHELL_KEYS_WIN}"
        )
    return settings


def described_aws(account: str, endpoint: str | None, settings: Mapping[str, Any]) -> str:
    """Return a description of the AWS and of the platform in it.

    Args:
        account: The account's id.
        endpoint: AWS's endpoint URL; None or empty for the real AWS.
        settings: The bundle's settings.
    """
    return (
        f"account {account} at {endpoint or 'AWS'}, {settings['redshift_secret_arn'].split(':')[3]}, "
        f"lake {settings['s3_bucket']}, workgroup {settings['redshift_workgroup']}"
    )


def check_same_aws(aws: str, known: Callable[[], str | None], remember: Callable[[str], None]) -> None:
    """Compare the AWS with the one that this Airflow's runs belong to, or store it the first time.

    With a different AWS, Airflow would continue runs of a different platform, and days that were loaded there would
    look loaded.

    Raises:
        NotReadyError: The AWS is a different one.
    """
    before = known()
    if before is None:
        remember(aws)
    elif before != aws:
        raise NotReadyError(
            f"the runs of this Airflow belong to {before}, but .env names {aws}. Use a separate Airflow for it (set "
            "COMPOSE_PROJECT_NAME=<a different name> in .env), or delete the runs (docker compose down --volumes)."
        )


def write_choices(settings: Mapping[str, Any], file: Path) -> None:
    """Write the sources and symbols that the trigger forms offer, as Terraform does on AWS.

    Args:
        settings: The bundle's settings.
        file: The file that the DAG files read.
    """
    choices = {name: source["symbols"] for name, source in settings["sources"].items()}
    file.write_text(json.dumps(choices), encoding="utf-8")


def checks(settings: Mapping[str, Any], client: Callable[[str], Any]) -> list[tuple[str, Callable[[], Any]]]:
    """Return the resources that the settings name, each with a call that fails if the resource is missing.

    The bundle's tasks make the same calls, so a role that may run the bundle may make them.

    Args:
        settings: The bundle's settings.
        client: Takes a service's name and returns a boto3 client.
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
            f"{settings['redshift_database']}, with the password in REDSHIFT_SECRET_ARN",
            lambda: ask_warehouse(client("redshift-data"), settings),
        ),
    ]


def ask_warehouse(
    data_api: Any,
    settings: Mapping[str, Any],
    *,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Run a statement in the warehouse with the bundle's own code.

    Args:
        data_api: A boto3 client of the Data API.
        settings: The bundle's settings.
        sleep: Replaced in tests.
        clock: Monotonic seconds; replaced in tests.

    Raises:
        NotReadyError: The statement failed, or it did not end within ``WAIT_SECONDS`` and was cancelled.
    """
    from crypto_prices.aws.redshift_data import RedshiftDataClient, RedshiftStatementError

    warehouse = RedshiftDataClient(
        data_api,
        workgroup=settings["redshift_workgroup"],
        database=settings["redshift_database"],
        secret_arn=settings["redshift_secret_arn"],
        timeout_seconds=WAIT_SECONDS,
        sleep=sleep,
        clock=clock,
    )
    try:
        warehouse.query("SELECT 1")
    except RedshiftStatementError as error:
        raise NotReadyError(str(error)) from None


def await_aws(
    settings: Mapping[str, Any],
    client: Callable[[str], Any],
    *,
    say: Callable[[str], None],
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> str:
    """Wait until AWS responds and has every resource that the settings name.

    Returns:
        The id of the account, from ``GetCallerIdentity``, which needs no permission.

    Raises:
        NotReadyError: AWS refuses a call, or a resource is still missing after ``WAIT_SECONDS``.
    """
    client = functools.cache(client)  # a check that waits would otherwise make one every two seconds
    deadline = clock() + WAIT_SECONDS
    identity: dict[str, str] = {}

    def ask_who_we_are() -> None:
        identity.update(client("sts").get_caller_identity())
        say(f"the credentials of .env belong to {identity['Arn']}")

    for name, check in [("the credentials of .env", ask_who_we_are), *checks(settings, client)]:
        said = None
        while (absent := _absence(name, check)) is not None:
            if clock() > deadline:
                raise NotReadyError(f"{absent} (waited {WAIT_SECONDS} s)")
            if said is None:
                said = absent
                say(f"waiting up to {WAIT_SECONDS} s: {absent}")
            sleep(_PAUSE_SECONDS)
        say(f"found {name}")
    return identity["Account"]


def _absence(name: str, check: Callable[[], Any]) -> str | None:
    """Return why a resource is missing if it may still appear, or None if it exists. Raise all other errors."""
    try:
        check()
    except SSLError as error:
        raise NotReadyError(f"{name}: {error}. Check whether a proxy is between this machine and AWS") from error
    except (EndpointConnectionError, HTTPClientError) as error:
        return (
            f"AWS does not respond: {error}. With the local AWS, set COMPOSE_PROFILES to local-aws and see `docker "
            f"compose logs local-aws`. With a real account, leave AWS_ENDPOINT_URL empty. {_SHELL_WINS}"
        )
    except ClientError as error:
        code = error.response["Error"]["Code"]
        # The Data API reports a missing workgroup as a ValidationException.
        if code in _ABSENT or (error.operation_name == "ExecuteStatement" and code == "ValidationException"):
            return f"{name} was not found: {error}"
        raise NotReadyError(f"{name}: {error}") from error
    except BotoCoreError as error:  # no credentials, no region
        raise NotReadyError(f"{name}: {error}. Set AWS_REGION and AWS_ACCESS_KEY_ID … in .env") from error
    except NotReadyError as error:
        raise NotReadyError(f"{name}: {error}") from error
    return None


def main() -> int:
    """Check the preconditions, migrate the database and print the results. Return 1 if Airflow must not start."""
    home = Path(os.environ["AIRFLOW_HOME"])
    session: Any = boto3.session.Session()
    config = Config(connect_timeout=5, read_timeout=20, retries={"total_max_attempts": 2})

    def client(service: str) -> Any:
        return session.client(service, config=config)

    try:
        check_bundle(home)
        settings = check_settings(os.environ[SETTINGS], os.environ)
        account = await_aws(settings, client, say=lambda text: print(text, flush=True))
        migrated = subprocess.run(["airflow", "db", "migrate"], check=False)  # noqa: S607 - found on the image's PATH
        if migrated.returncode:
            return migrated.returncode
        aws = described_aws(account, os.environ.get("AWS_ENDPOINT_URL"), settings)
        check_same_aws(aws, *_variable(KNOWN_AWS))
        write_choices(settings, Path(os.environ[CHOICES_FILE]))
    except NotReadyError as error:
        print(f"Airflow does not start: {error}")
        return 1
    return 0


def _variable(key: str) -> tuple[Callable[[], str | None], Callable[[str], None]]:
    from airflow.models.variable import Variable

    return lambda: Variable.get(key, default_var=None), lambda value: Variable.set(key, value)


if __name__ == "__main__":
    sys.exit(main())
