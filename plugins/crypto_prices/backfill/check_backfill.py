"""The operator that fails a backfill whose plan lacks a source."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.providers.common.compat.sdk import AirflowFailException, BaseOperator

from crypto_prices.backfill.plan_backfill import LEFT_OUT

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context


class CheckBackfillOperator(BaseOperator):
    """Fails if ``plan_backfill`` left a source out, so that the run is not green. The other sources are loaded."""

    def execute(self, context: Context) -> None:
        """Check the plan.

        Raises:
            AirflowFailException: A source is not in the plan, because its exchange did not name its markets.
        """
        left_out = context["ti"].xcom_pull(task_ids="plan_backfill", key=LEFT_OUT)
        if left_out:
            raise AirflowFailException(
                f"{left_out}. When it responds again, clear this whole run: it plans again and skips loaded days"
            )
