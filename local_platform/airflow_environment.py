"""The environment of an Airflow on this machine: the bundle as on MWAA, and the local AWS instead of AWS."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from local_aws.personal_settings import PERSONAL, without_proxy
from local_platform.checkout import REPOSITORY


def airflow_home(state_dir: Path) -> Path:
    """Return Airflow's home in a state folder."""
    return state_dir / "airflow"


def choices_file(state_dir: Path) -> Path:
    """Return the file with the choices of the trigger forms, which is beside the DAG files on MWAA."""
    return airflow_home(state_dir) / "crypto_prices_choices.json"


def airflow_python(*arguments: str) -> list[str]:
    """Return the command of a process that imports Airflow.

    ``-P`` keeps the working directory and the script's folder off the path. Airflow adds dags/ and plugins/. So a DAG
    can import the same modules as on MWAA. The working directory should be Airflow's home, as on MWAA.

    Args:
        arguments: Python's command line after the interpreter.
    """
    return [sys.executable, "-P", *arguments]


def airflow_environment(state_dir: Path, aws: dict[str, str]) -> dict[str, str]:
    """Return the environment variables of a local Airflow process.

    Args:
        state_dir: Folder of the local AWS's state. Airflow's metadata and logs are below it.
        aws: Variables that point AWS clients at the local AWS: endpoint, region and credentials.
    """
    home = airflow_home(state_dir)
    # The user's own settings of AWS, PostgreSQL and Airflow must not affect the local Airflow.
    # With PYTHONPATH, a DAG could import modules of the checkout that MWAA does not have.
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith((*PERSONAL, "AIRFLOW_")) and name != "PYTHONPATH"
    }
    return (
        kept
        | aws
        | {
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(REPOSITORY / "dags"),
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(REPOSITORY / "plugins"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            # The defaults of 30 and 50 are too short for a busy laptop.
            "AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT": "120",
            "AIRFLOW__DAG_PROCESSOR__DAG_FILE_PROCESSOR_TIMEOUT": "180",
            "AIRFLOW__CORE__LAZY_LOAD_PLUGINS": "False",
            # The checkout's dags/ may be read-only.
            "AIRFLOW__CRYPTO_PRICES__CHOICES_FILE": str(choices_file(state_dir)),
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
            "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(home / "logs"),
            "AIRFLOW__LOGGING__COLORED_CONSOLE_LOG": "False",
            # As on MWAA: Variables come from Secrets Manager, and the connection uses the environment's role.
            "AIRFLOW__SECRETS__BACKEND": "airflow.providers.amazon.aws.secrets.secrets_manager.SecretsManagerBackend",
            "AIRFLOW__SECRETS__BACKEND_KWARGS": json.dumps(
                {
                    "connections_prefix": "airflow/connections",
                    # Every task looks up aws_default, which is not a secret: AIRFLOW_CONN_AWS_DEFAULT defines it below.
                    "connections_lookup_pattern": "^(?!aws_default$)",
                    "variables_prefix": "airflow/variables",
                }
            ),
            "AIRFLOW_CONN_AWS_DEFAULT": "aws://",
            # MWAA's image has no awscrt. .venv has it for the local S3, and botocore would use it for signing.
            "BOTO_DISABLE_CRT": "true",
            "NO_PROXY": without_proxy(os.environ),
            "no_proxy": without_proxy(os.environ),
        }
    )
