"""What must be true before Airflow starts.

The bundle can be read, the settings are right, AWS answers and has what they name, it is the AWS that Airflow's runs
are of, and Airflow's tables are there.

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
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError, HTTPClientError, SSLError

SETTINGS = "AIRFLOW_VAR_CRYPTO_PRICES_SETTINGS"
BUNDLE = ("dags", "sql", "plugins")
KNOWN_AWS = "crypto_prices_aws"
"""The Airflow Variable that says which AWS the history of this Airflow is of."""
WAIT_SECONDS = 180
"""How long what is missing is waited for: the local AWS creates it while it starts."""
_PAUSE_SECONDS = 2
_REAL_KEY = ("AKIA", "ASIA")  # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
_SHELL_WINS = "A variable of the shell wins over .env; `env -u <NAME> docker compose …` takes it away."
_SHELL_KEYS_WIN = (
    "Keys of the shell win over .env; `env -u AWS_ACCESS_KEY_ID -u AWS_SECRET_ACCESS_KEY -u AWS_SESSION_TOKEN docker "
    "compose …` takes them away."
)
_ABSENT = frozenset({"404", "NoSuchBucket", "EntityNotFoundException", "ResourceNotFoundException"})


class NotReadyError(Exception):
    """Airflow cannot start like this; the message says why and what to do."""


def check_bundle(home: Path) -> None:
    """Look whether Airflow's user may read the mounted bundle, which has the modes of the checkout.

    Args:
        home: Airflow's home, with ``dags/``, ``sql/`` and ``plugins/``.

    Raises:
        NotReadyError: Something cannot be read, or is not there.
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
    """Return the bundle's settings, as the bundle itself takes them.

    Args:
        text: The JSON that docker-compose.yaml makes of .env.
        environment: The container's environment.

    Raises:
        NotReadyError: The bundle refuses them, or they do not go with where AWS is.
    """
    from crypto_prices.settings import SettingsError, parse_settings

    try:
        parse_settings(text)
    except SettingsError as error:
        raise NotReadyError(f"{error} They come from .env: {text}") from None
    settings: dict[str, Any] = json.loads(text)
    region, secret = environment["AWS_REGION"], settings["redshift_secret_arn"]
    if secret.split(":")[3] != region:
        raise NotReadyError(f"AWS_REGION is {region}, but REDSHIFT_SECRET_ARN {secret} is not. {_SHELL_WINS}")
    endpoint, key = environment.get("AWS_ENDPOINT_URL"), environment.get("AWS_ACCESS_KEY_ID", "")
    if endpoint and (key.startswith(_REAL_KEY) or environment.get("AWS_SESSION_TOKEN")):
        raise NotReadyError(
            f"the credentials ({key[:8]}…) are of a real account, and would be given to {endpoint}. {_SHELL_KEYS_WIN}"
        )
    return settings


def described_aws(account: str, endpoint: str | None, settings: Mapping[str, Any]) -> str:
    """Return which AWS it is, and which of the platforms in it.

    Args:
        account: The account's id.
        endpoint: Where AWS answers; None or empty for the real one.
        settings: The bundle's settings.
    """
    return (
        f"account {account} at {endpoint or 'AWS'}, {settings['redshift_secret_arn'].split(':')[3]}, "
        f"lake {settings['s3_bucket']}, workgroup {settings['redshift_workgroup']}"
    )


def check_same_aws(aws: str, known: Callable[[], str | None], remember: Callable[[str], None]) -> None:
    """Compare the AWS with that of the runs that Airflow knows, and remember it the first time.

    Runs of another platform would go on here, and days that were loaded there would look loaded.

    Raises:
        NotReadyError: It is another.
    """
    before = known()
    if before is None:
        remember(aws)
    elif before != aws:
        raise NotReadyError(
            f"the runs of this Airflow are of {before}, and .env now names {aws}. Give that an Airflow of its own "
            "(COMPOSE_PROJECT_NAME=<another name> in .env), or forget the runs (docker compose down --volumes)."
        )


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
    say: Callable[[str], None],
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> str:
    """Wait until AWS answers, and has everything that the settings name.

    Returns:
        The id of the account, which ``GetCallerIdentity`` says (it takes no permission).

    Raises:
        NotReadyError: AWS refuses a call, or something was not there within ``WAIT_SECONDS``.
    """
    deadline = clock() + WAIT_SECONDS
    identity: dict[str, str] = {}

    def ask_who_we_are() -> None:
        identity.update(client("sts").get_caller_identity())
        say(f"AWS takes the credentials of .env for {identity['Arn']}")

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
    """Return why something may still come, or None when it is there; what will not come is raised."""
    try:
        check()
    except SSLError as error:
        raise NotReadyError(f"{name}: {error}. Does a proxy stand between here and AWS?") from error
    except (EndpointConnectionError, HTTPClientError) as error:
        return (
            f"AWS does not answer: {error}. With the local AWS, COMPOSE_PROFILES is local-aws and `docker compose logs "
            f"local-aws` says more; with a real account AWS_ENDPOINT_URL is empty. {_SHELL_WINS}"
        )
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
    """Check, migrate, and say what was found; return 1 when Airflow must not start."""
    home = Path(os.environ["AIRFLOW_HOME"])
    session: Any = boto3.session.Session()
    config = Config(connect_timeout=5, read_timeout=20, retries={"total_max_attempts": 2})

    def client(service: str) -> Any:
        return session.client(service, config=config)

    try:
        check_bundle(home)
        settings = check_settings(os.environ[SETTINGS], os.environ)
        account = await_aws(settings, client, say=lambda text: print(text, flush=True))
        migrated = subprocess.run(["airflow", "db", "migrate"], check=False)  # noqa: S607 - wherever the image has it
        if migrated.returncode:
            return migrated.returncode
        aws = described_aws(account, os.environ.get("AWS_ENDPOINT_URL"), settings)
        check_same_aws(aws, *_variable(KNOWN_AWS))
    except NotReadyError as error:
        print(f"Airflow is not started: {error}")
        return 1
    return 0


def _variable(key: str) -> tuple[Callable[[], str | None], Callable[[str], None]]:
    from airflow.models.variable import Variable

    return lambda: Variable.get(key, default_var=None), lambda value: Variable.set(key, value)


if __name__ == "__main__":
    sys.exit(main())
