"""Airflow's ``airflow_local_settings.py`` of the local Airflow: lets task processes inherit what each would build anew.

The LocalExecutor forks tasks below the scheduler. What has been imported and read there, each task need not: the
bundle and its providers, and botocore's descriptions of the services. Together these are half of a short task.
"""

from __future__ import annotations

import functools
import os
import sys
from pathlib import Path

SERVICES = ("glue", "logs", "redshift-data", "s3", "secretsmanager", "sts")
"""The services of which a task makes clients."""


def is_scheduler() -> bool:
    """Whether this process is the scheduler, below which tasks run."""
    return "scheduler" in sys.argv or Path(sys.argv[0]).name == "scheduler"


def warm_up() -> None:
    """Import and read what tasks need. No request is made, and nothing of an account is kept."""
    import boto3
    import botocore.loaders
    import botocore.session
    from airflow.providers.amazon.aws.hooks.base_aws import AwsGenericHook

    # Sessions stay apart; only the files with the services' descriptions are read once.
    botocore.session.create_loader = functools.cache(botocore.loaders.create_loader)
    session = boto3.Session(aws_access_key_id="none", aws_secret_access_key="none", region_name="us-east-1")  # noqa: S106
    for service in SERVICES:
        session.client(service)  # type: ignore[call-overload]

    plugins = os.environ["AIRFLOW__CORE__PLUGINS_FOLDER"]
    if plugins not in sys.path:
        sys.path.insert(0, plugins)
    import crypto_prices.load_window

    _ = crypto_prices.load_window
    # Who asked for a client only goes into its User-Agent; to find out, the source of the whole stack is read.
    AwsGenericHook._get_caller = lambda *_: "Unknown"  # type: ignore[method-assign]


if is_scheduler():
    warm_up()
