"""The operator that reports how far the marts are behind the loads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.amazon.aws.utils.mixins import aws_template_fields

from crypto_prices.aws.warehouse_operator import WarehouseOperator

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

METRIC = "MartsLoadsBehind"
"""CloudWatch metric: the number of loads that the marts lack. No value means that no refresh has ended."""


class ReportFreshnessOperator(WarehouseOperator):
    """Sends the number of loads that the marts lack to CloudWatch, in the namespace ``CryptoPrices``.

    Args:
        sql: Statement that finds the new loads (templated, sql/marts/find_work.sql).
    """

    template_fields: Sequence[str] = aws_template_fields("sql")
    template_ext: Sequence[str] = (".sql",)
    template_fields_renderers: ClassVar[dict[str, str]] = {"sql": "sql"}

    def __init__(self, *, sql: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.sql = sql

    def execute(self, context: Context) -> int:
        """Return the number of loads that the marts lack."""
        (work,) = self.warehouse.query(self.sql)
        behind = int(str(work["new_loads"]))
        self.log.info("The marts contain the loads up to %s and lack %d", work["through_load"], behind)
        dag = {"Name": "Dag", "Value": context["dag_run"].dag_id}
        self.send_metrics([{"MetricName": METRIC, "Dimensions": [dag], "Value": behind, "Unit": "Count"}])
        return behind
