"""Plans a run's load, and skips it when the warehouse already holds exactly this content."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.providers.common.compat.sdk import AirflowFailException, SkipMixin

from crypto_prices.aws.warehouse_operator import WarehouseOperator
from crypto_prices.plan.skip_reason import EmptyWindowError, reason_to_skip
from crypto_prices.xcom import task_results
from crypto_prices.xcom.batch import Batch, missing_sources

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context


class PlanLoadOperator(WarehouseOperator, SkipMixin):
    """Names the batch of a run, or skips the rest of the run when there is nothing to load.

    The skip is a short circuit: this task is green and the tasks after it are skipped at once.
    A run that was cleared, or that was started with the param ``reload`` or ``force``, is never skipped if an exchange
    returned candles.
    A source that could not be fetched does not keep the others from being loaded; ``reconcile`` is red then.
    Returns the batch as a dict; the reason of a skip is in the XCom ``skipped_because``.

    Args:
        sql: Statement that finds the current loads (templated, sql/plan/find_current_loads.sql).
        empty_sql: Statements for a window of which nothing was fetched (templated).
        reload: Load even what the warehouse already holds (templated; ``True`` as text or bool).
    """

    template_fields: Sequence[str] = aws_template_fields("sql", "empty_sql", "reload")
    template_ext: Sequence[str] = (".sql",)
    template_fields_renderers: ClassVar[dict[str, str]] = {"sql": "sql", "empty_sql": "sql"}

    def __init__(self, *, sql: str, empty_sql: Sequence[str], reload: Any = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.sql = sql
        self.empty_sql = empty_sql
        self.reload = reload

    def execute(self, context: Context) -> dict[str, Any]:
        """Return the batch to load.

        Raises:
            AirflowFailException: Nothing was fetched, but the warehouse has rows of the window; or there is nothing to
                load, and a source was not fetched.
        """
        ti, dag_run = context["ti"], context["dag_run"]
        batch = Batch.of_run(dag_run.dag_id, dag_run.run_id, task_results.window(ti), task_results.fetched(ti))
        published = self.catalog.published_days(batch.window)
        try:
            reason = reason_to_skip(batch, self.warehouse.query(self.sql), published)
        except EmptyWindowError as error:
            raise AirflowFailException(str(error)) from error
        cleared = bool(getattr(dag_run, "clear_number", 0))
        reload = str(self.reload).lower() == "true"
        if reason and batch.records and (cleared or reload):
            why = "reload or force is set" if reload else "the run was cleared"
            self.log.info("Loading anyway, because %s: %s", why, reason)
        elif reason and (missing := missing_sources(task_results.sources(ti), batch)):
            # Skipping would leave the run green.
            raise AirflowFailException(f"{missing}. Of the others there is nothing to load: {reason}")
        elif reason:
            if not batch.records:
                self.warehouse.execute_batch(self.empty_sql)
            ti.xcom_push(key="skipped_because", value=reason)
            self.log.info("Nothing to load: %s", reason)
            # The teardown is left out, as ShortCircuitOperator does: it follows its setup.
            self.skip(ti, [task for task in self.get_flat_relatives(upstream=False) if not task.is_teardown])
        self.log.info("Batch %s: %d records to curate and load", batch.batch_id, batch.records)
        return batch.as_xcom()
