"""The operator that makes the catalog show the versions that the warehouse loaded last."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.providers.common.compat.sdk import AirflowFailException
from airflow.providers.standard.triggers.temporal import TimeDeltaTrigger
from botocore.exceptions import ClientError
from crypto_prices_contract import s3_keys
from crypto_prices_contract.curation_report import CurationReport

from crypto_prices.aws.catalog import CatalogError, Publication
from crypto_prices.aws.warehouse_operator import WarehouseOperator
from crypto_prices.market_sets import MarketSets
from crypto_prices.publish.versions_to_publish import LoadOrder, NumberedLoad, numbered_loads
from crypto_prices.xcom import task_results
from crypto_prices.xcom.curation_report import parse_report

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context
    from airflow.sdk.execution_time.context import TaskStateStoreAccessor

_TRIES = 5
LONGEST_CALL = timedelta(minutes=2)
"""How long a call to the catalog that this task abandoned may still take effect, after the next try has begun. AWS
documents no limit; the SDK waits one minute for a response."""
_UNANSWERED = "calls_without_response"
"""The key in Airflow's state of the task that exists while calls to the catalog may be without a response."""


class PublishPartitionsOperator(WarehouseOperator):
    """Points the catalog's partitions of the window's days at the versions that the warehouse loaded last.

    Usually that is the run's own version of every day. If another run merged a day later, it is that run's version.
    Both runs publish the same versions, in whichever order they finish. A day whose newest load has no rows loses its
    partition. If the run's version lacks rows that another run loaded, the previous version is shown and the task
    fails.

    UpdatePartition has no condition, so a call whose response was lost or not awaited can take effect after newer
    calls. No call is therefore repeated within a try. If an earlier try may have left such a call, this one publishes,
    waits ``LONGEST_CALL``, and publishes again.

    Args:
        sql: Statement that finds the loads of the window (templated, sql/publish/find_load_order.sql).
        markets_sql: Statement that finds their markets (templated, sql/publish/find_market_sets.sql).
    """

    template_fields: Sequence[str] = aws_template_fields("sql", "markets_sql")
    template_ext: Sequence[str] = (".sql",)
    template_fields_renderers: ClassVar[dict[str, str]] = {"sql": "sql", "markets_sql": "sql"}

    def __init__(self, *, sql: str, markets_sql: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.sql = sql
        self.markets_sql = markets_sql
        self._market_sets = MarketSets()

    def execute(self, context: Context) -> dict[str, str]:
        """Publish the versions and return the Glue run that the catalog shows for each ISO day with rows.

        Raises:
            AirflowFailException: The warehouse has not loaded the run's version, or the version lacks rows that another
                run loaded for other markets.
            CatalogError: The catalog rejected a call or a partition.
            HTTPClientError: A call to the catalog had no response.
            ClientError: The catalog failed.
            CatalogFailureError: The catalog failed to change a partition.
            RuntimeError: Other runs load the same days faster than this one can publish them.
        """
        store = context["task_state_store"]
        if store.get(_UNANSWERED) is None:
            return self._publish(context, store)
        # Airflow does not retry after AirflowFailException, so without the second publication, no one would repair what
        # the abandoned call undoes. That publication raises the same error.
        with contextlib.suppress(AirflowFailException):
            self._publish(context, None)
        self.log.warning(
            "An earlier try may have left a call to the catalog without a response. It may still take effect, so the "
            "versions are published again in %s",
            LONGEST_CALL,
        )
        return self.defer(trigger=TimeDeltaTrigger(LONGEST_CALL), method_name=self.publish_again.__name__)

    def publish_again(self, context: Context, event: Any = None) -> dict[str, str]:
        """Publish the versions again, after the time in which an abandoned call may take effect. See ``execute``."""
        store = context["task_state_store"]
        try:
            shown = self._publish(context, None)
        except AirflowFailException:
            store.delete(_UNANSWERED)
            raise
        store.delete(_UNANSWERED)
        return shown

    def _publish(self, context: Context, store: TaskStateStoreAccessor | None) -> dict[str, str]:
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
                # The report of the newest load may be missing. Readers must not see an older version because of that.
                if not orders[day].shows_later(published.get(day.isoformat(), ""), newest)
            }
            removed = self._switch(wanted, store)
            if removed:
                self.log.warning("Removed the partitions of days that no longer have rows: %s", ", ".join(removed))
            # Another run may have merged and published since the query, and this publication may have undone its.
            before, loads = loads, self._loads()
            if loads != before:
                continue
            # Raised last, because the next Glue run must see the previous loads' versions in the catalog.
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
        raise RuntimeError(f"other runs keep loading days of [{window.start}, {window.end}); the task retries later")

    def _switch(self, wanted: Mapping[date, Publication | None], store: TaskStateStoreAccessor | None) -> list[str]:
        """Publish versions, and note in the store while a call may be without a response, unless an earlier try did."""
        if store is None:
            return self.catalog.publish(wanted)
        store.set(_UNANSWERED, "true")
        try:
            removed = self.catalog.publish(wanted)
        except CatalogError:
            store.delete(_UNANSWERED)
            raise
        store.delete(_UNANSWERED)
        return removed

    def _loads(self) -> list[NumberedLoad]:
        rows = self.warehouse.query(self.sql)
        # A set never changes, so only a new one needs a query.
        if not all(str(row["market_set"]) in self._market_sets for row in rows):
            self._market_sets = MarketSets(self.warehouse.query(self.markets_sql))
        return numbered_loads(rows, self._market_sets)

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
        f"Glue run {job_run_id} is stale: another run has since loaded {lacking}. The catalog shows the previous "
        f"versions of the days {days}. Clear curate_prices with its downstream tasks"
    )
