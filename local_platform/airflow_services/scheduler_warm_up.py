"""Airflow's ``airflow_local_settings.py`` of the local Airflow: lets task processes inherit what each would build anew.

The LocalExecutor forks tasks below the scheduler. What has been imported and read there, each task need not: the Amazon
provider, and botocore's descriptions of the services. The bundle itself is left out: who edits it does not want to
restart anything.
"""

from __future__ import annotations

import functools
import importlib
import sys
from pathlib import Path

SERVICES = ("glue", "logs", "redshift-data", "s3", "secretsmanager", "sts")
"""The services of which a task makes clients."""

MODULES = (
    "airflow.providers.amazon.aws.hooks.s3",
    "airflow.providers.amazon.aws.operators.glue",
    "airflow.providers.amazon.aws.operators.redshift_data",
    "airflow.providers.amazon.aws.secrets.secrets_manager",
    "airflow.providers.amazon.aws.sensors.glue_catalog_partition",
    "airflow.providers.standard.operators.trigger_dagrun",
    "pydantic",
    "tenacity",
)
"""What the bundle's tasks import."""


def is_scheduler() -> bool:
    """Whether this process is the scheduler, below which tasks run."""
    return "scheduler" in sys.argv or Path(sys.argv[0]).name == "scheduler"


def warm_up() -> None:
    """Import and read what tasks need. No request is made, and nothing of an account is kept."""
    import boto3
    import botocore.loaders
    import botocore.session

    # Sessions stay apart; only the files with the services' descriptions are read once.
    botocore.session.create_loader = functools.cache(botocore.loaders.create_loader)
    session = boto3.Session(aws_access_key_id="none", aws_secret_access_key="none", region_name="us-east-1")  # noqa: S106
    for service in SERVICES:
        session.client(service)  # type: ignore[call-overload]

    for module in MODULES:
        importlib.import_module(module)


if is_scheduler():
    warm_up()
