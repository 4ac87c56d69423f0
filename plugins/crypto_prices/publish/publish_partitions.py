"""Makes the catalog show what the warehouse has loaded last."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.providers.common.compat.sdk import AirflowFailException
from botocore.exceptions import ClientError
from crypto_prices_contract import s3_keys
from crypto_prices_contract.curation_report import CurationReport

from crypto_prices.aws.warehouse_operator import WarehouseOperator
from crypto_prices.publish.versions_to_publish import LoadOrder, NumberedLoad, numbered_loads
from crypto_prices.xcom import task_results
from crypto_prices.xcom.curation_report import parse_report

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

_TRIES = 5


class PublishPartitionsOperator(WarehouseOperator):
    """Points the catalog's partitions of the window's days at the versions that the warehouse has loaded last.

    Usually that is the run's own version of all days. Where another run has merged a day later, it is that run's: both
    publish the same, whoever comes last. A day whose newest load has no rows loses its partition. Where the run's
    version lacks what another run has loaded, the one before it is shown and the task fails.

    Args:
        sql: Statement that finds the loads of the window (templated, sql/publish/find_load_order.sql).
    """

    template_fields: Sequence[str] = aws_template_fields("sql")
    template_ext: Sequence[str] = (".sql",)
    template_fields_renderers: ClassVar[dict[str, str]] = {"sql": "sql"}

    def __init__(self, *, sql: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.sql = sql

    def execute(self, context: Context) -> dict[str, str]:
        """Return the Glue run that the catalog shows of each day (ISO); a day without rows is not in it.

        Raises:
            AirflowFailException: The warehouse has not loaded the run's version, or the version lacks what another run
                has loaded of other markets.
            CatalogError: The catalog refused a partition.
            RuntimeError: Other runs load the same days faster than this one can follow.
        """
        own, window = task_results.report(context["ti"]), task_results.batch(context["ti"]).window
        reports: dict[str, CurationReport | None] = {own.job_run_id: own}

        def report_of(job_run_id: str) -> CurationReport | None:
            if job_run_id not in reports:
                reports[job_run_id] = self._read_report(job_run_id)
            return reports[job_run_id]

        loads = self._loads()
        for _ in range(_TRIES):
            load = next((load for load in loads if load.glue_job_run_id == own.job_run_id), None)
            if load is None:
                raise AirflowFailException(
                    f"the warehouse has no load of Glue run {own.job_run_id}, so its version is not published: clear "
                    "merge_into_fact with its downstream tasks"
                )
            orders = {day: LoadOrder(day, loads, report_of) for day in window.days()}
            whole = {day: newest for day, order in orders.items() if (newest := order.newest_whole()) is not None}
            published = self.catalog.published_days(window)
            wanted = {
                day: orders[day].publication(newest)
                for day, newest in whole.items()
                # The report of the newest load may be gone; readers are not sent back for that.
                if not orders[day].shows_later(published.get(day.isoformat(), ""), newest)
            }
            removed = self.catalog.publish(wanted)
            if removed:
                self.log.warning("Took away the partitions of days that have no rows any more: %s", ", ".join(removed))
            # A run that has merged since may have published already, and this one has just undone it.
            before, loads = loads, self._loads()
            if loads != before:
                continue
            # Raised at the end: what the loads before have left must be seen by the Glue run that comes now.
            stale = {
                day: orders[day].missing(load)
                for day in window.days()
                if day not in whole or whole[day].load_number < load.load_number
            }
            if stale:
                raise AirflowFailException(_stale_version(own.job_run_id, stale))
            shown = self.catalog.published_days(window)
            self.log.info("The catalog shows %d days of [%s, %s)", len(shown), window.start, window.end)
            return shown
        raise RuntimeError(f"other runs keep loading days of [{window.start}, {window.end}): it is tried again later")

    def _loads(self) -> list[NumberedLoad]:
        return numbered_loads(self.warehouse.query(self.sql))

    def _read_report(self, job_run_id: str) -> CurationReport | None:
        key = s3_keys.curation_report_key(job_run_id)
        try:
            body = self.s3_client.get_object(Bucket=self.settings.s3_bucket, Key=key)["Body"].read()
        except ClientError as error:
            if error.response["Error"]["Code"] not in ("NoSuchKey", "404"):
                raise
            return None
        return parse_report(json.loads(body))


def _stale_version(job_run_id: str, stale: Mapping[date, Mapping[str, str]]) -> str:
    days = ", ".join(day.isoformat() for day in sorted(stale))
    markets = {market: run for missing in stale.values() for market, run in missing.items()}
    lacking = ", ".join(f"{market} (by Glue run {run})" for market, run in sorted(markets.items()))
    return (
        f"Glue run {job_run_id} has not seen what another run has loaded meanwhile of {lacking}; the days {days} are "
        "published as they were loaded before it. Clear curate_prices with its downstream tasks, so that it does"
    )
