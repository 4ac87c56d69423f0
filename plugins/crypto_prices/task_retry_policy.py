"""The retry policy of all tasks, for failures where Airflow's growing pauses do not fit."""

from __future__ import annotations

import hashlib
import math
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import RetryDecision, RetryPolicy
from crypto_prices_contract.error_codes import ERROR_CODES

from crypto_prices.error_code_of import error_code_of
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


_LONGEST_MESSAGE = 200
_LARGEST_EXPONENT = 20
_LONGEST_DELAY = timedelta(days=1)


class TaskRetryPolicy(RetryPolicy):
    """Waits as long as an exchange or another run needs, and does not retry errors that would occur again.

    Everything else follows the task's ``retries`` and ``retry_delay``. Every retry has a reason, because Airflow logs
    it immediately and stores it with the task instance.
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
            return RetryDecision.retry(
                CATALOG_PAUSE, f"another run may be publishing these days, the next try is in {CATALOG_PAUSE}"
            )
        code = error_code_of(exception)
        if code is not None:
            return RetryDecision.fail(
                f"{code} {ERROR_CODES[code]} A retry would fail again: see docs/reference/error-codes.md"
            )
        return _usual_retry(exception, try_number, max_tries, context)

    def serialize(self) -> dict[str, Any]:
        """Return an empty dict, because the policy has no settings."""
        return {}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> TaskRetryPolicy:
        """Return the policy."""
        return cls()


def _usual_retry(exception: BaseException, try_number: int, max_tries: int, context: Context | None) -> RetryDecision:
    """Return the decision that Airflow would make itself, with a reason; without one if no try is left."""
    if context is None or try_number > max_tries:
        return RetryDecision.default()
    instance = context["ti"]
    pause = usual_pause(
        instance.task, try_number, seed=f"{instance.run_id}#{instance.task_id}#{instance.map_index}#{try_number}"
    )
    lines = str(exception).strip().splitlines() or [type(exception).__name__]
    return RetryDecision.retry(
        pause,
        f"try {try_number} of {max_tries + 1} failed ({lines[0][:_LONGEST_MESSAGE]}), the next try is in {pause}",
    )


def usual_pause(task: Any, try_number: int, *, seed: str) -> timedelta:
    """Return the pause that Airflow's own settings of a task mean.

    As in ``TaskInstance.next_retry_datetime``, whose pause is between once and twice the delay, so that tasks that
    failed together are not retried together.

    Args:
        task: The task, for ``retry_delay``, ``retry_exponential_backoff`` and ``max_retry_delay``.
        try_number: Number of the failed try, from 1.
        seed: Names the try. The same try has the same pause.
    """
    delay: timedelta = task.retry_delay
    # Airflow reads True as 2 when it deserializes the DAG (serialized_objects.py).
    factor = 2.0 if task.retry_exponential_backoff is True else float(task.retry_exponential_backoff)
    if factor and factor != 1.0:
        # Beyond this exponent every delay exceeds every limit.
        seconds = max(1, math.ceil(delay.total_seconds() * factor ** min(try_number - 1, _LARGEST_EXPONENT)))
        digest = hashlib.sha256(seed.encode()).digest()
        spread = int.from_bytes(digest[:8], "big") % seconds
        delay = timedelta(seconds=min(seconds + spread, _LONGEST_DELAY.total_seconds()))
    return delay if task.max_retry_delay is None else min(delay, task.max_retry_delay)
