"""The operator that fails a run which loaded some sources, but not all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.providers.common.compat.sdk import AirflowFailException, BaseOperator

from crypto_prices.xcom import task_results
from crypto_prices.xcom.batch import missing_sources

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context


class RequireSourcesOperator(BaseOperator):
    """Fails if a source was not fetched, or the Glue job refused it, so that the run is not green.

    The other sources are loaded.
    """

    def execute(self, context: Context) -> None:
        """Check the sources.

        Raises:
            AirflowFailException: A source of the run is not in the batch, or was refused.
        """
        ti = context["ti"]
        problems = [
            f"{refused.source}: {refused.code} {refused.problem}" for refused in task_results.report(ti).refused
        ]
        if missing := missing_sources(task_results.sources(ti), task_results.batch(ti)):
            problems.append(missing)
        if problems:
            raise AirflowFailException(f"{'; '.join(problems)}. The other sources are loaded")
