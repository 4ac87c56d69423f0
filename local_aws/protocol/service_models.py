"""botocore's models of the services."""

from __future__ import annotations

import functools
from collections.abc import Mapping

from botocore.loaders import Loader
from moto.core.model import ServiceModel

# Signing name -> botocore's name, for every service of the emulator.
SERVICES: Mapping[str, str] = {
    "airflow": "mwaa",
    "athena": "athena",
    "budgets": "budgets",
    "ec2": "ec2",
    "events": "events",
    "glue": "glue",
    "iam": "iam",
    "kms": "kms",
    "logs": "logs",
    "monitoring": "cloudwatch",
    "redshift-data": "redshift-data",
    "redshift-serverless": "redshift-serverless",
    "s3": "s3",
    "secretsmanager": "secretsmanager",
    "sns": "sns",
    "sts": "sts",
}


@functools.cache
def load_service_model(service_name: str) -> ServiceModel:
    """Load botocore's model of a service.

    Args:
        service_name: botocore's name of the service (``mwaa``), not its signing name (``airflow``).

    Returns:
        The model, in the class that moto's router needs.

    Raises:
        botocore.exceptions.DataNotFoundError: botocore has no service of this name.
    """
    return ServiceModel(Loader().load_service_model(service_name, "service-2"), service_name)
