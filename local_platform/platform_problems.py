"""The errors of a developer command that uses the local platform, and what to do about them."""

from __future__ import annotations

from botocore.exceptions import ClientError
from crypto_prices.aws.redshift_data import RedshiftStatementError
from crypto_prices.settings import SettingsError

from local_platform.provision import NOT_FOUND
from local_platform.state_options import StateOptionsError
from local_platform.warehouse_address import NoWarehouseError
from local_platform.warehouse_queries import WarehouseQueryError

PLATFORM_PROBLEMS = (
    ClientError,
    NoWarehouseError,
    RedshiftStatementError,
    SettingsError,
    StateOptionsError,
    WarehouseQueryError,
)
"""What a command must expect of a state folder whose platform is incomplete."""


def problem_text(error: Exception) -> str:
    """Return what is wrong and what to do.

    Args:
        error: One of PLATFORM_PROBLEMS.
    """
    if isinstance(error, ClientError) and error.response["Error"]["Code"] in NOT_FOUND:
        return f"{error}. make demo and make airflow create the platform's resources that are missing"
    return str(error)
