"""The local Airflow's ``airflow_local_settings.py``: imports modules in the scheduler, so that tasks inherit them.

In every component, all AWS clients share botocore's descriptions of the services. Airflow's hooks create a session
each, and a session would read megabytes of JSON again. The sessions stay separate.

The LocalExecutor forks tasks from the scheduler. They do not have to import the Amazon provider or read botocore's
service descriptions again. The bundle is not imported here, so that edits take effect without a restart.
"""

from __future__ import annotations

import functools
import importlib
import sys
from pathlib import Path

import botocore.loaders
import botocore.session

SERVICES = ("glue", "logs", "redshift-data", "s3", "secretsmanager", "sts")
"""The services that tasks use."""

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
"""Modules that the bundle's tasks import."""


def is_scheduler() -> bool:
    """Return whether this process is the scheduler, which forks the tasks."""
    return "scheduler" in sys.argv or Path(sys.argv[0]).name == "scheduler"


def warm_up() -> None:
    """Import the modules and read the service descriptions that tasks need. This sends no requests."""
    import boto3

    session = boto3.Session(aws_access_key_id="none", aws_secret_access_key="none", region_name="us-east-1")  # noqa: S106
    for service in SERVICES:
        session.client(service)  # type: ignore[call-overload]

    for module in MODULES:
        importlib.import_module(module)


botocore.session.create_loader = functools.cache(botocore.loaders.create_loader)
if is_scheduler():
    warm_up()
