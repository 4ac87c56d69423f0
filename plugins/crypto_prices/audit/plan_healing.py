"""The operator that audits the warehouse and the raw zone, and plans the windows that heal them."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.amazon.aws.hooks.glue import GlueJobHook
from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException, conf
from crypto_prices_contract.window import Window, WindowError

from crypto_prices.audit.audited_span import audited_span
from crypto_prices.audit.days_to_heal import REQUIRED, MarketDay, find_reasons, unfetched_runs
from crypto_prices.audit.large_plan import LargePlanError, refuse_large_plan
from crypto_prices.audit.plan_text import plan_as_text
from crypto_prices.audit.windows_to_heal import HealingPlan, windows_to_heal
from crypto_prices.aws.redshift_data import Value
from crypto_prices.aws.warehouse_operator import WarehouseOperator
from crypto_prices.backfill.loaded_days import Load, loads_of_rows
from crypto_prices.backfill.price import price_of
from crypto_prices.backfill.read_glue_job import read_glue_job
from crypto_prices.backfill.window_run import window_run
from crypto_prices.backfill.windows_to_load import RequestSize
from crypto_prices.fetch.errors import FatalSourceError
from crypto_prices.fetch.markets import MarketsByDay
from crypto_prices.fetch.raw_zone import is_whole
from crypto_prices.fetch.sources import get_source
from crypto_prices.fetch.sources.base import refuse_unclosed
from crypto_prices.market_sets import MarketSets
from crypto_prices.plan.ask_exchanges import ask_exchanges
from crypto_prices.plan.check_params import ParamError, check_params
from crypto_prices.plan.check_sources import check_sources
from crypto_prices.settings import Settings, SettingsError

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context


_RUNS_A_BATCH = 100
"""Rows per insert. The longest row has about 400 bytes, and the Data API accepts 100 KB per statement."""


class PlanHealingOperator(WarehouseOperator):
    """Checks each day of each market in the settings, and plans the windows that reload wrong days.

    The task returns one item per window, ``{"trigger_run_id", "conf"}``, over which TriggerDagRunOperator is mapped.
    The XCom ``plan`` has the plan as text. Days that were never fetched are written to ``crypto.candle_gaps``.

    The span comes from the params ``start`` and ``end``, or is the last ``days`` before the end of the run's data
    interval. The statements are in ``audit/`` in the DAG's ``template_searchpath``.

    Args:
        ask_again: JSON list of the reasons of gaps whose candles are requested again (templated).
        chunk_days: Longest window, in days (templated).
        nothing_may_be_left: Fail if a day was never fetched or lacks loaded or fetched data. For the check after the
            healing.
    """

    template_fields: Sequence[str] = aws_template_fields("ask_again", "chunk_days")

    def __init__(self, *, ask_again: str, chunk_days: str, nothing_may_be_left: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.ask_again = ask_again
        self.chunk_days = chunk_days
        self.nothing_may_be_left = nothing_may_be_left

    def execute(self, context: Context) -> list[dict[str, Any]]:
        """Return the runs to trigger.

        Raises:
            AirflowFailException: The settings or the params are invalid, an exchange does not list a symbol, there are
                too many windows, or the plan is so large that a user must approve it.
            RetryableSourceError: An exchange did not respond. Airflow retries the task.
            AirflowException: Days are still wrong after the healing.
        """
        try:
            check_params(context["dag_run"].conf, context["dag"].params)
            settings = self.settings
            check_sources(settings)
            span = audited_span(context["params"], context["dag_run"])
            refuse_unclosed(span, datetime.now(UTC))
            markets = ask_exchanges(settings, {name: source.symbols for name, source in settings.sources.items()})
        except (ParamError, SettingsError, WindowError, FatalSourceError) as error:
            raise AirflowFailException(str(error)) from error
        plan = self._plan(settings, span, markets)
        glue_client = GlueJobHook(aws_conn_id=self.aws_conn_id, region_name=self.region_name).conn
        glue = read_glue_job(glue_client, settings.glue_job_name)
        price = price_of((each.window for each in plan.windows), glue, settings.prices)
        text = plan_as_text(plan, price)
        context["ti"].xcom_push(key="plan", value=text)
        self.log.info("%s", text)
        left = [place for place, reason in plan.reasons.items() if reason in REQUIRED]
        if self.nothing_may_be_left and left:
            # Retryable, because a load may be published right now.
            raise AirflowException(
                f"days of markets that are not healed: {len(left)}. The first is {left[0].source} {left[0].market} on "
                f"{left[0].day}. Fix the failed runs of heal_windows, then clear this run"
            )
        most = conf.getint("core", "max_map_length")
        if len(plan.windows) > most:
            raise AirflowFailException(
                f"healing [{span.start}, {span.end}) takes {len(plan.windows)} windows, but a run can start at most "
                f"{most} (Airflow's core.max_map_length): set start and end to a shorter span"
            )
        if not self.nothing_may_be_left:
            try:
                refuse_large_plan(plan, price, settings.audit_market_days, context["params"].get("max_market_days"))
            except LargePlanError as error:
                raise AirflowFailException(str(error)) from error
        starter = context["dag_run"]
        return [
            window_run(starter.dag_id, starter.run_id, each.window, each.symbols, reload=True) for each in plan.windows
        ]

    def _plan(self, settings: Settings, span: Window, markets: MarketsByDay) -> HealingPlan:
        sources = {name: get_source(name, of_source.api_url) for name, of_source in settings.sources.items()}
        interval = next(iter(sources.values())).interval_length(settings.candle_interval)
        rows = self._query("backfill/find_loads.sql", span)
        market_sets = MarketSets(self._query("backfill/find_market_sets.sql", span))
        loads = loads_of_rows(rows, market_sets, settings.candle_interval)
        reasons = find_reasons(
            span,
            markets=markets,
            candles_a_day=timedelta(days=1) // interval,
            loads=loads,
            rows=_counts(self._query("audit/count_rows.sql", span), "row_total"),
            gaps=_gaps(self._query("audit/count_gaps.sql", span)),
            shown=self.catalog.published_days(span),
            lost_manifests=self._lost_manifests(loads),
            ask_again=json.loads(self.ask_again),
        )
        self._write_unfetched(span, interval, reasons)
        return windows_to_heal(
            span,
            reasons,
            markets=markets,
            chunk_days=int(self.chunk_days),
            interval=interval,
            request_sizes={
                name: RequestSize(source.rows_per_request, source.bytes_per_record) for name, source in sources.items()
            },
        )

    def _lost_manifests(self, loads: Sequence[Load]) -> list[str]:
        manifests = sorted({load.raw_manifest for load in loads})
        return [uri for uri in manifests if not is_whole(self.s3_client, uri)]

    def _write_unfetched(
        self,
        span: Window,
        interval: timedelta,
        reasons: Mapping[MarketDay, str],
    ) -> None:
        runs: list[dict[str, Any]] = [
            {
                "source": source,
                "symbol": market.partition("/")[0],
                "quote_currency": market.partition("/")[2],
                "start": window.start,
                "candles": (window.ends_at - window.starts_at) // interval,
            }
            for source, market, window in unfetched_runs(reasons)
        ]
        lock = self._statement("load/lock_loads.sql")
        self.warehouse.execute_batch([lock, self._statement("audit/delete_unfetched_gaps.sql", params=span)])
        for first in range(0, len(runs), _RUNS_A_BATCH):
            chunk = runs[first : first + _RUNS_A_BATCH]
            most = max(int(run["candles"]) for run in chunk)
            insert = self._statement(
                "audit/insert_unfetched_gaps.sql",
                params=span,
                unfetched=chunk,
                seconds=interval // timedelta(seconds=1),
                digits=len(str(most)),
            )
            self.warehouse.execute_batch([lock, insert])

    def _query(self, name: str, span: Window) -> list[dict[str, Value]]:
        return self.warehouse.query(self._statement(name, params=span))

    def _statement(self, name: str, **values: Any) -> str:
        template = self.get_template_env().get_template(name)
        return template.render(settings=lambda: self.settings, **values)


def _place(row: Mapping[str, Value]) -> MarketDay:
    return MarketDay(str(row["source"]), str(row["market"]), date.fromisoformat(str(row["observed_on"])))


def _counts(rows: list[dict[str, Value]], column: str) -> dict[MarketDay, int]:
    return {_place(row): int(row[column] or 0) for row in rows}


def _gaps(rows: list[dict[str, Value]]) -> dict[MarketDay, dict[str, int]]:
    found: dict[MarketDay, dict[str, int]] = defaultdict(dict)
    for row in rows:
        found[_place(row)][str(row["reason"])] = int(row["gap_total"] or 0)
    return found
