"""The retry policy of all tasks, for failures where Airflow's growing pauses do not fit."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import RetryDecision, RetryPolicy
from crypto_prices_contract.error_codes import ERROR_CODES, find_error_code

from crypto_prices.aws.redshift_data import RedshiftStatementError
from crypto_prices.curate.curate_prices import GlueRunError
from crypto_prices.fetch.errors import RetryableSourceError
from crypto_prices.reconcile.catalog_versions import CatalogDiffersError

if TYPE_CHECKING:
    from airflow.sdk import Context

SHORTEST_PAUSE = timedelta(seconds=30)
LONGEST_PAUSE = timedelta(minutes=30)
"""With this pause, all retries of ``fetch_prices`` end well before the run's timeout, so other sources are loaded."""

CATALOG_PAUSE = timedelta(minutes=1)
"""``publish_partitions`` repairs the catalog in up to ``LONGEST_CALL`` after a lost response. The retries of
``reconcile`` take longer."""


class TaskRetryPolicy(RetryPolicy):
    """Waits as long as an exchange or another run needs, and does not retry errors that would occur again.

    Everything else follows the task's ``retries`` and ``retry_delay``.
    """

    def evaluate(
        self, exception: BaseException, try_number: int, max_tries: int, context: Context | None = None
    ) -> RetryDecision:
        """Return whether and when to retry after a failure."""
        if isinstance(exception, RetryableSourceError) and exception.retry_after_seconds is not None:
            if exception.retry_after_seconds > LONGEST_PAUSE.total_seconds():
                return RetryDecision.fail(
                    f"the source requests a wait of {exception.retry_after_seconds:.0f} s, longer than "
                    f"{LONGEST_PAUSE}. "
                    "The other sources are loaded without it. Clear this task with its downstream tasks after that time"
                )
            pause = timedelta(seconds=exception.retry_after_seconds + 1)
            if pause > SHORTEST_PAUSE:
                # A request during a ban prolongs it (Binance, HTTP 418).
                asked = f"{exception.retry_after_seconds:.0f} s"
                return RetryDecision.retry(pause, f"the source requests a wait of {asked}, the next try is in {pause}")
        if isinstance(exception, CatalogDiffersError):
            return RetryDecision.retry(CATALOG_PAUSE, "another run may be publishing these days")
        code = _error_code(exception)
        if code is not None:
            return RetryDecision.fail(
                f"{code} {ERROR_CODES[code]} A retry would fail again: see docs/reference/error-codes.md"
            )
        return RetryDecision.default()

    def serialize(self) -> dict[str, Any]:
        """Return an empty dict, because the policy has no settings."""
        return {}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> TaskRetryPolicy:
        """Return the policy."""
        return cls()


def _error_code(exception: BaseException) -> str | None:
    """Return the error code of a failed statement or Glue run.

    Other exceptions may quote text that is not about them, such as an exchange's response or the id of a run.
    """
    return find_error_code(exception.reason) if isinstance(exception, RedshiftStatementError | GlueRunError) else None
