"""The operator that fails a run which loaded some sources, but not all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.providers.common.compat.sdk import AirflowFailException, BaseOperator

from crypto_prices.xcom import task_results
from crypto_prices.xcom.batch import missing_sources

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context


class RequireSourcesOperator(BaseOperator):
    """Fails if a source was not fetched, so that the run is not green. The other sources are loaded."""

    def execute(self, context: Context) -> None:
        """Check the sources.

        Raises:
            AirflowFailException: A source of the run is not in the batch.
        """
        batch = task_results.batch(context["ti"])
        if missing := missing_sources(task_results.sources(context["ti"]), batch):
            raise AirflowFailException(f"{missing}. The other sources are loaded")
