"""The operator that checks a finished load: the counts of all steps agree, and the catalog shows the load."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.providers.common.compat.sdk import AirflowFailException

from crypto_prices.aws.redshift_data import Value
from crypto_prices.aws.warehouse_operator import WarehouseOperator
from crypto_prices.publish.versions_to_publish import numbered_loads
from crypto_prices.reconcile.catalog_versions import check_published
from crypto_prices.reconcile.metrics import metric_data
from crypto_prices.reconcile.row_counts import LoadedCounts, ReconciliationError, accounting_table, check_load, verdict
from crypto_prices.xcom import task_results

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context


class ReconcileOperator(WarehouseOperator):
    """Compares the number of rows curated, staged, merged, in the window and in the fact table now.

    It logs the accounting as a table and sends the counts to CloudWatch, in the namespace ``CryptoPrices``. If the task
    has outlets, the extra of each asset event has the window and the loaded sources, so that consumers know which days
    changed.

    Args:
        sql: Statement that finds the loads of the window (templated, sql/reconcile/find_loads_of_window.sql).
    """

    template_fields: Sequence[str] = aws_template_fields("sql")
    template_ext: Sequence[str] = (".sql",)
    template_fields_renderers: ClassVar[dict[str, str]] = {"sql": "sql"}

    def __init__(self, *, sql: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.sql = sql

    def execute(self, context: Context) -> list[dict[str, Value]]:
        """Return the batch's rows of ``crypto.etl_metadata``.

        Raises:
            AirflowFailException: The counts of two steps differ, or rows of the load are missing from the fact table.
            CatalogDiffersError: The catalog shows an older version of a day than this load's.
        """
        batch, report = task_results.batch(context["ti"]), task_results.report(context["ti"])
        published = self.catalog.published_days(batch.window)
        found = self.warehouse.query(self.sql)
        rows = [row for row in found if row["batch_id"] == report.batch_id]
        loaded = [
            LoadedCounts(
                source=str(row["source"]),
                rows_staged=_count(row["rows_staged"]),
                rows_merged=_count(row["rows_merged"]),
                rows_in_window=_count(row["rows_in_window"]),
                rows_removed=_count(row["rows_removed"]),
                rows_owned=_count(row["rows_owned"]),
                rows_now=_count(row["rows_now"]),
            )
            for row in rows
        ]
        self.log.info("Batch %s\n%s", report.batch_id, accounting_table(report, loaded))
        dag_id = context["dag_run"].dag_id
        try:
            check_load(report, loaded)
            check_published(report, numbered_loads(found), published)
        except ReconciliationError as error:
            # Sent although the load does not add up, so that the alarm fires. A catalog that lags behind raises
            # CatalogDiffersError instead, and the task retries.
            self.send_metrics(metric_data(report, loaded, dag_id, adds_up=False))
            raise AirflowFailException(str(error)) from error
        self.send_metrics(metric_data(report, loaded, dag_id, adds_up=True))
        loaded_sources: list[Any] = sorted(fetched.source for fetched in task_results.loaded(context["ti"]))
        for asset in self.outlets:
            context["outlet_events"][asset].extra = {
                "window_start": batch.window_start,
                "window_end": batch.window_end,
                "sources": loaded_sources,
                "batch_id": report.batch_id,
            }
        self.log.info("%s", verdict(report, loaded))
        return rows


def _count(value: Value) -> int | None:
    return None if value is None else int(value)
