"""The operator that fails a run which loaded some sources, but not all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.providers.common.compat.sdk import AirflowFailException, BaseOperator

from crypto_prices.xcom import task_results
from crypto_prices.xcom.batch import missing_sources

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context


class SourcesMissingError(AirflowFailException):
    """Sources were not fetched, or the Glue job refused them.

    Args:
        message: The sources with the reasons.
        code: Error code of the first refused source; None if the Glue job refused none.
    """

    def __init__(self, message: str, code: str | None) -> None:
        super().__init__(message, code)
        self.message = message
        self.code = code

    def __str__(self) -> str:
        return self.message


class RequireSourcesOperator(BaseOperator):
    """Fails if a source was not fetched, or the Glue job refused it, so that the run is not green.

    The other sources are loaded.
    """

    def execute(self, context: Context) -> None:
        """Check the sources.

        Raises:
            SourcesMissingError: A source of the run is not in the batch, or was refused.
        """
        ti = context["ti"]
        refusals = task_results.report(ti).refused
        problems = [f"{refused.source}: {refused.code} {refused.problem}" for refused in refusals]
        if missing := missing_sources(task_results.sources(ti), task_results.batch(ti)):
            problems.append(missing)
        if problems:
            code = refusals[0].code if refusals else None
            raise SourcesMissingError(f"{'; '.join(problems)}. The other sources are loaded", code)
