"""The operator that audits the warehouse and the raw zone, and plans the windows that heal them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence, Set
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from airflow.providers.amazon.aws.hooks.glue import GlueJobHook
from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException, conf
from crypto_prices_contract.window import Window, WindowError

from crypto_prices.audit.audited_span import audited_span
from crypto_prices.audit.days_to_heal import QUARANTINED, REMOVED, REQUIRED, RESTATED, MarketDay, find_reasons
from crypto_prices.audit.gap_days import Gap, gaps_by_day
from crypto_prices.audit.large_plan import LargePlanError, refuse_large_plan
from crypto_prices.audit.plan_text import checks_as_text, plan_as_text
from crypto_prices.audit.refetch import refetch
from crypto_prices.audit.restatements import DIFFERS, SAME, Check, Comparison, compare
from crypto_prices.audit.windows_to_heal import HealingPlan, windows_to_heal
from crypto_prices.aws.redshift_data import Value
from crypto_prices.aws.warehouse_operator import WarehouseOperator
from crypto_prices.backfill.loaded_days import Load, find_loads
from crypto_prices.backfill.price import price_of
from crypto_prices.backfill.read_glue_job import read_glue_job
from crypto_prices.backfill.window_run import window_run
from crypto_prices.backfill.windows_to_load import RequestSize
from crypto_prices.counted import counted
from crypto_prices.fetch.errors import FatalSourceError
from crypto_prices.fetch.markets import MarketsByDay
from crypto_prices.fetch.raw_zone import is_whole
from crypto_prices.fetch.sources import get_source
from crypto_prices.fetch.sources.base import refuse_unclosed
from crypto_prices.plan.ask_exchanges import ask_exchanges, left_out_error
from crypto_prices.plan.check_accepted import Acceptance
from crypto_prices.plan.check_params import ParamError, check_params
from crypto_prices.plan.check_sources import check_sources
from crypto_prices.plan.expected_markets import expected_markets, write_expected_markets
from crypto_prices.settings import Settings, SettingsError

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context


CHECKS_PER_STATEMENT = 40
"""Rows per insert. The longest row has about 1400 bytes, and the Data API accepts 100 KB per statement."""


class PlanHealingOperator(WarehouseOperator):
    """Checks each day of each market in the settings, and plans the windows that reload wrong days.

    The task returns one item per window, ``{"trigger_run_id", "conf"}``, over which TriggerDagRunOperator is mapped.
    The XCom ``plan`` has the plan as text. ``crypto.expected_markets`` then has exactly the settings' markets.

    It also fetches a sample of all loaded days again, one market at a time, and compares them with the fact table. Days
    that differ are planned, too, until a load has fetched them, except days with candles that a user removed.
    ``crypto.restatement_checks`` has the results. The sample has the days whose last fetch or check was the longest ago
    when the run was due, so every loaded day gets its turn, whether or not the earlier ones could be loaded. If the
    params have ``start`` and ``end``, the sample is from these days.

    The span comes from the params ``start`` and ``end``, or is the last ``days`` before the end of the run's data
    interval. The statements are in ``audit/`` in the DAG's ``template_searchpath``.

    Args:
        ask_again: JSON list of the reasons of gaps whose candles are requested again (templated).
        chunk_days: Longest window, in days (templated).
        restatement_sample: JSON number of days of markets to fetch again (templated); null for the number in the
            settings, 0 for none.
        nothing_may_be_left: Fail if a day was never fetched or lacks loaded or fetched data. For the check after the
            healing.
    """

    template_fields: Sequence[str] = aws_template_fields("ask_again", "chunk_days", "restatement_sample")

    def __init__(
        self,
        *,
        ask_again: str,
        chunk_days: str,
        restatement_sample: str = "0",
        nothing_may_be_left: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.ask_again = ask_again
        self.chunk_days = chunk_days
        self.restatement_sample = restatement_sample
        self.nothing_may_be_left = nothing_may_be_left

    def execute(self, context: Context) -> list[dict[str, Any]]:
        """Return the runs to trigger.

        Raises:
            AirflowFailException: The settings or the params are invalid, an exchange does not list a symbol, there are
                too many windows, or the plan is so large that a user must approve it.
            RetryableSourceError: No exchange named its markets, or one did not and nothing may be left. Airflow retries
                the task.
            AirflowException: Days are still wrong after the healing.
        """
        try:
            check_params(context["dag_run"].conf, context["dag"].params)
            settings = self.settings
            check_sources(settings)
            span = audited_span(context["params"], context["dag_run"])
            refuse_unclosed(span, datetime.now(UTC))
            asked = ask_exchanges(settings, {name: source.symbols for name, source in settings.sources.items()})
        except (ParamError, SettingsError, WindowError, FatalSourceError) as error:
            raise AirflowFailException(str(error)) from error
        markets = asked.markets
        found = self._find_reasons(settings, span, markets)
        expected = expected_markets(markets, settings.candle_interval)
        write_expected_markets(self.warehouse, self._statement, expected, incomplete=asked.left_out)
        checks = self._check_sample(settings, markets, set(found), context)
        found |= dict.fromkeys(self._restated(markets, checks, context), RESTATED)
        plan = self._plan(settings, span, markets, found)
        glue_client = GlueJobHook(aws_conn_id=self.aws_conn_id, region_name=self.region_name).conn
        glue = read_glue_job(glue_client, settings.glue_job_name)
        price = price_of((each.window for each in plan.windows), glue, settings.prices)
        text = "\n".join(filter(None, (plan_as_text(plan, price), checks_as_text(checks), asked.left_out_text)))
        context["ti"].xcom_push(key="plan", value=text)
        self.log.info("%s", text)
        left = [place for place, reason in plan.reasons.items() if reason in REQUIRED]
        if self.nothing_may_be_left and left:
            # Retryable, because a load may be published right now.
            raise AirflowException(
                f"days of markets that are not healed: {len(left)}. The first is {left[0].source} {left[0].market} on "
                f"{left[0].day}. Fix the failed runs of heal_windows, then clear this run"
            )
        if self.nothing_may_be_left and asked.left_out:
            raise left_out_error(
                asked.left_out,
                "sources whose days are not checked",
                "Clear this whole run when their exchanges respond again",
            )
        most = conf.getint("core", "max_map_length")
        if len(plan.windows) > most:
            raise AirflowFailException(
                f"healing [{span.start}, {span.end}) takes {len(plan.windows)} windows, but a run can start at most "
                f"{most} (Airflow's core.max_map_length): set start and end to a shorter span"
            )
        if not self.nothing_may_be_left:
            try:
                refuse_large_plan(
                    plan,
                    price,
                    limit_days=settings.audit_limit_days,
                    market_total=sum(len(source.symbols) for source in settings.sources.values()),
                    params=context["params"],
                )
            except LargePlanError as error:
                raise AirflowFailException(str(error)) from error
        starter = context["dag_run"]
        return [
            window_run(starter.dag_id, starter.run_id, each.window, each.symbols, reload=True, accepted=each.accepted)
            for each in plan.windows
        ]

    def _find_reasons(self, settings: Settings, span: Window, markets: MarketsByDay) -> dict[MarketDay, str]:
        loads = find_loads(self._query, span, settings.candle_interval)
        interval = _interval(settings)
        return find_reasons(
            span,
            markets=markets,
            candles_a_day=timedelta(days=1) // interval,
            loads=loads,
            rows=_counts(self._query("audit/count_rows.sql", span), "row_total"),
            gaps=gaps_by_day(span, map(_gap, self._query("audit/find_gaps.sql", span)), interval),
            shown=self.catalog.published_days(span),
            lost_manifests=self._lost_manifests(loads),
            ask_again=json.loads(self.ask_again),
        )

    def _plan(
        self, settings: Settings, span: Window, markets: MarketsByDay, reasons: Mapping[MarketDay, str]
    ) -> HealingPlan:
        sources = {name: get_source(name, of_source.api_url) for name, of_source in settings.sources.items()}
        return windows_to_heal(
            span,
            reasons,
            markets=markets,
            chunk_days=int(self.chunk_days),
            interval=_interval(settings),
            request_sizes={
                name: RequestSize(source.rows_per_request, source.bytes_per_record) for name, source in sources.items()
            },
            accepted=self._acceptances(reasons),
        )

    def _acceptances(self, places: Iterable[MarketDay]) -> dict[MarketDay, Acceptance]:
        """Return the days whose newest load a user accepted. Another load of them needs the same acceptance."""
        days = sorted({place.day for place in places})
        if not days:
            return {}
        rows = self.warehouse.query(self._statement("audit/find_acceptances.sql", planned_days=days))
        return {_place(row): Acceptance(str(row["accepted_by"]), str(row["accepted_because"])) for row in rows}

    def _check_sample(
        self, settings: Settings, markets: MarketsByDay, wrong: Set[MarketDay], context: Context
    ) -> list[Check]:
        """Fetch the sample again, compare it with the fact table, and record the results."""
        given = json.loads(self.restatement_sample)
        sample = settings.restatement_sample if given is None else int(given)
        if sample == 0:
            return []
        params, audited_at = context["params"], _audited_at(context)
        days = Window.parse(params["start"], params["end"]) if params.get("start") else None
        # Days that will be loaded again anyway keep their turn, and take no place from others.
        most = sample + len(wrong)
        chosen = self.warehouse.query(
            self._statement("audit/choose_sample.sql", sample=most, days=days, audited_at=audited_at)
        )
        others = [place for place in map(_place, chosen) if place not in wrong and _is_listed(markets, place)]
        places = others[:sample]
        self.log.info("Fetching %s of markets again", counted(len(places), "day"))
        loaded = self._loaded_candles(places)
        unloaded = self._unloaded_ranges(places)
        checks = []
        for place, outcome in refetch(settings, places, markets):
            if isinstance(outcome, FatalSourceError):
                checks.append(Check(place, Comparison(), str(outcome)))
                continue
            comparison = compare(
                Window.of_day(place.day),
                interval_ms=_interval(settings) // timedelta(milliseconds=1),
                sent=outcome,
                loaded=loaded[place],
                unloaded=unloaded[place],
            )
            checks.append(Check(place, comparison))
        self._record(checks, run_id=context["dag_run"].run_id, audited_at=audited_at)
        return checks

    def _restated(self, markets: MarketsByDay, checks: Sequence[Check], context: Context) -> list[MarketDay]:
        """Return the days that differ, and those of earlier audits that no load has fetched since.

        A load would bring back candles that a user removed, so days with such candles are left out.
        """
        unresolved = self.warehouse.query(
            self._statement("audit/find_unresolved_differences.sql", audited_at=_audited_at(context))
        )
        same = {check.place for check in checks if check.status == SAME}
        differing = {check.place for check in checks if check.status == DIFFERS}
        earlier = {place for place in map(_place, unresolved) if _is_listed(markets, place)} - same
        removed = [_gap(row) for row in self.warehouse.query(self._statement("audit/find_removed.sql"))]
        return sorted(place for place in differing | earlier if not any(_reaches_into(gap, place) for gap in removed))

    def _loaded_candles(self, places: Sequence[MarketDay]) -> dict[MarketDay, dict[int, dict[str, Decimal | None]]]:
        found: dict[MarketDay, dict[int, dict[str, Decimal | None]]] = {place: {} for place in places}
        for day in sorted({place.day for place in places}):
            names = [f"{place.source}/{place.market}" for place in places if place.day == day]
            statement = self._statement("audit/find_candles.sql", params=Window.of_day(day), compared_markets=names)
            for row in self.warehouse.query(statement):
                market = f"{row.pop('symbol')}/{row.pop('quote_currency')}"
                place = MarketDay(str(row.pop("source")), market, day)
                time_ms = _time_ms(_instant(row.pop("observed_at")))
                found[place][time_ms] = {
                    column: None if value is None else Decimal(str(value)) for column, value in row.items()
                }
        return found

    def _unloaded_ranges(self, places: Sequence[MarketDay]) -> dict[MarketDay, list[tuple[int, int]]]:
        """Return the ranges of candles that the exchange has sent, but that were rejected or removed."""
        found: dict[MarketDay, list[tuple[int, int]]] = {place: [] for place in places}
        for day in sorted({place.day for place in places}):
            for gap in map(_gap, self._query("audit/find_gaps.sql", Window.of_day(day))):
                place = MarketDay(gap.source, gap.market, day)
                if gap.reason in (QUARANTINED, REMOVED) and place in found:
                    found[place].append((_time_ms(gap.starts_at), _time_ms(gap.ends_at)))
        return found

    def _record(self, checks: Sequence[Check], *, run_id: str, audited_at: datetime) -> None:
        lock = self._statement("load/lock_loads.sql")
        known = set(map(_place, self.warehouse.query(self._statement("audit/find_differences.sql", run_id=run_id))))
        new = [check for check in checks if check.place not in known]
        self.warehouse.execute_batch([lock, self._statement("audit/delete_checks.sql", run_id=run_id)])
        for first in range(0, len(new), CHECKS_PER_STATEMENT):
            chunk = new[first : first + CHECKS_PER_STATEMENT]
            insert = self._statement("audit/insert_checks.sql", run_id=run_id, audited_at=audited_at, checks=chunk)
            self.warehouse.execute_batch([lock, insert])

    def _lost_manifests(self, loads: Sequence[Load]) -> list[str]:
        manifests = sorted({load.raw_manifest for load in loads})
        return [uri for uri in manifests if not is_whole(self.s3_client, uri)]

    def _query(self, name: str, span: Window) -> list[dict[str, Value]]:
        return self.warehouse.query(self._statement(name, params=span))

    def _statement(self, name: str, **values: Any) -> str:
        template = self.get_template_env().get_template(name)
        return template.render(settings=lambda: self.settings, **values)


def _place(row: Mapping[str, Value]) -> MarketDay:
    return MarketDay(str(row["source"]), str(row["market"]), date.fromisoformat(str(row["observed_on"])))


def _is_listed(markets: MarketsByDay, place: MarketDay) -> bool:
    return place.market in {market.name for market in markets.on(place.day).get(place.source, ())}


def _audited_at(context: Context) -> datetime:
    """Return when the run was due, as a TIMESTAMP of the warehouse."""
    due: datetime = context["dag_run"].run_after
    return due.astimezone(UTC).replace(tzinfo=None)


def _counts(rows: list[dict[str, Value]], column: str) -> dict[MarketDay, int]:
    return {_place(row): int(row[column] or 0) for row in rows}


def _gap(row: Mapping[str, Value]) -> Gap:
    starts_at, ends_at = _instant(row["starts_at"]), _instant(row["ends_at"])
    return Gap(str(row["source"]), str(row["market"]), starts_at, ends_at, str(row["reason"]))


def _reaches_into(gap: Gap, place: MarketDay) -> bool:
    day = Window.of_day(place.day)
    is_same_market = (gap.source, gap.market) == (place.source, place.market)
    return is_same_market and gap.starts_at < day.ends_at and gap.ends_at > day.starts_at


def _interval(settings: Settings) -> timedelta:
    """Return the length of a candle, which is the same for all sources."""
    return get_source(next(iter(settings.sources))).interval_length(settings.candle_interval)


def _instant(value: Value) -> datetime:
    return datetime.fromisoformat(str(value)).replace(tzinfo=UTC)


def _time_ms(instant: datetime) -> int:
    return int(instant.timestamp()) * 1000
