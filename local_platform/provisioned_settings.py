"""Reads the bundle's settings from the local AWS, for programs that run without Airflow."""

from __future__ import annotations

from botocore.exceptions import ClientError
from crypto_prices.settings import Settings, parse_settings

from local_aws.clients import local_client, local_session
from local_platform.names import SETTINGS_SECRET, Provisioned
from local_platform.warehouse_address import NoWarehouseError, WarehouseAddress


def provisioned_settings(names: Provisioned | WarehouseAddress) -> Settings:
    """Return the settings.

    Args:
        names: The running local AWS.

    Raises:
        NoWarehouseError: The local AWS has none.
    """
    secrets = local_client("secretsmanager", names.endpoint, local_session(region=names.region))
    try:
        return parse_settings(secrets.get_secret_value(SecretId=SETTINGS_SECRET)["SecretString"])
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        raise NoWarehouseError(f"the local AWS has no secret {SETTINGS_SECRET} with the settings") from None
