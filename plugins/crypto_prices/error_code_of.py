"""The error code of an exception."""

from __future__ import annotations

from crypto_prices_contract.error_codes import find_error_code

from crypto_prices.aws.redshift_data import RedshiftStatementError
from crypto_prices.curate.curate_prices import GlueRunError
from crypto_prices.reconcile.require_sources import SourcesMissingError


def error_code_of(error: BaseException) -> str | None:
    """Return the error code of a failed statement, a failed Glue run or refused sources; None if there is none.

    Other exceptions may quote text that is not about them, such as an exchange's response or the id of a run.
    """
    if isinstance(error, SourcesMissingError):
        return error.code
    return find_error_code(error.reason) if isinstance(error, RedshiftStatementError | GlueRunError) else None
