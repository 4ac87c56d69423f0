"""The operator that finds out which days of the marts must be calculated again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.providers.common.compat.sdk import AirflowSkipException

from crypto_prices.aws.warehouse_operator import WarehouseOperator
from crypto_prices.marts.refresh import marts_digest, plan_refresh

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context


class PlanRefreshOperator(WarehouseOperator):
    """Compares the marts' watermark with the load log, and plans one refresh.

    An asset event only wakes this task. What there is to do comes from ``crypto.load_log``, so a lost event loses
    nothing, and an event without a new load does nothing.

    Args:
        sql: Statement that finds the new loads (templated, sql/marts/find_work.sql).
        full_refresh: JSON boolean: whether to calculate all days again (templated).
    """

    template_fields: Sequence[str] = aws_template_fields("sql", "full_refresh")
    template_ext: Sequence[str] = (".sql",)
    template_fields_renderers: ClassVar[dict[str, str]] = {"sql": "sql"}

    def __init__(self, *, sql: str, full_refresh: str = "false", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.sql = sql
        self.full_refresh = full_refresh

    def execute(self, context: Context) -> dict[str, Any]:
        """Return the refresh.

        Raises:
            AirflowSkipException: The marts contain every load.
        """
        (work,) = self.warehouse.query(self.sql)
        digest = marts_digest(self.get_template_env())
        refresh = plan_refresh(work, digest, full=self.full_refresh == "true")
        if refresh is None:
            raise AirflowSkipException(f"the marts contain every load up to load {work['through_load']}")
        kind = "Full refresh" if refresh.full else "Refresh"
        self.log.info("%s of %s, up to load %d: %s", kind, refresh.days_text, refresh.through_load, refresh.reason)
        return refresh.as_xcom()
