"""Planning what to heal: which markets and days are not as they should be, and the fewest windows that put them right.

Pure; the operator asks the warehouse and the raw zone.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from crypto_prices_contract.window import Window

from crypto_prices.backfill.backfill_plan import Load, RequestSize, split_into_windows

UNFETCHED, ROWS_MISSING, NOT_PUBLISHED, RAW_MISSING = "unfetched", "rows_missing", "not_published", "raw_missing"
"""Why a day of a market is not right: nobody has asked for it; candles are gone from the fact table that were loaded;
its load was merged and not published; what was fetched is gone from the raw zone. The other reasons are those of
``crypto.candle_gaps``."""

REQUIRED = frozenset({UNFETCHED, ROWS_MISSING, NOT_PUBLISHED, RAW_MISSING})
"""Reasons that loading again takes away; the exchange may go on giving no candle for the others."""


@dataclass(frozen=True, order=True)
class MarketDay:
    """A day of a market, under its canonical name."""

    source: str
    market: str
    day: date


@dataclass(frozen=True)
class HealingWindow:
    """A window to load again.

    Attributes:
        window: Its days.
        symbols: Exchange symbols by source.
    """

    window: Window
    symbols: Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class HealingPlan:
    """What to heal.

    Attributes:
        span: The days that were looked at.
        reasons: What is not right, and why.
        windows: What to load again, oldest first.
        requests: Number of API requests that this takes.
    """

    span: Window
    reasons: Mapping[MarketDay, str]
    windows: Sequence[HealingWindow]
    requests: int


def find_reasons(
    span: Window,
    *,
    markets: Mapping[str, Iterable[str]],
    candles_a_day: int,
    loads: Iterable[Load],
    rows: Mapping[MarketDay, int],
    gaps: Mapping[MarketDay, Mapping[str, int]],
    lost_manifests: Iterable[str],
    ask_again: Iterable[str],
) -> dict[MarketDay, str]:
    """Return the days of markets that are not as they should be, each with the reason that weighs most.

    Args:
        span: The days to look at.
        markets: Canonical markets by source.
        candles_a_day: How many candles a day has.
        loads: The loads that touch the span.
        rows: Number of rows in the fact table.
        gaps: Number of candles in ``crypto.candle_gaps``, by reason.
        lost_manifests: Raw manifests that are gone, or objects of them.
        ask_again: Reasons of gaps for which the exchange is to be asked again.
    """
    newest: dict[MarketDay, Load] = {}
    for load in sorted(loads, key=lambda load: load.load_number):
        for day in load.window.days():
            for market in load.markets:
                newest[MarketDay(load.source, market, day)] = load
    lost, again = set(lost_manifests), set(ask_again)
    found: dict[MarketDay, str] = {}
    for source, listed in markets.items():
        for market in listed:
            for day in span.days():
                place = MarketDay(source, market, day)
                known = Counter(gaps.get(place, {}))
                load_of_day = newest.get(place)
                is_explained = rows.get(place, 0) + known.total() - known[UNFETCHED] >= candles_a_day
                # A window without any candle is asked for and not loaded; its gaps say so.
                if load_of_day is None and not is_explained:
                    found[place] = UNFETCHED
                elif not is_explained:
                    found[place] = ROWS_MISSING
                elif load_of_day is not None and not load_of_day.is_recorded:
                    found[place] = NOT_PUBLISHED
                elif load_of_day is not None and load_of_day.raw_manifest in lost:
                    found[place] = RAW_MISSING
                elif asked := sorted(reason for reason in known if reason in again):
                    found[place] = asked[0]
    return found


def plan_healing(
    span: Window,
    reasons: Mapping[MarketDay, str],
    *,
    exchange_symbols: Mapping[tuple[str, str], str],
    chunk_days: int,
    interval: timedelta,
    request_sizes: Mapping[str, RequestSize],
) -> HealingPlan:
    """Return the fewest windows that load exactly these days of these markets again.

    Days that follow each other are one window, and markets that are to be healed on the same days share it.

    Args:
        span: The days that were looked at.
        reasons: What is not right, and why.
        exchange_symbols: The exchange's names by source and canonical market.
        chunk_days: Longest window in days.
        interval: Length of a candle.
        request_sizes: How each source gives candles.
    """
    days: dict[tuple[str, str], list[date]] = defaultdict(list)
    for place in reasons:
        days[place.source, place.market].append(place.day)
    symbols: dict[Window, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    requests = 0
    for (source, market), listed in sorted(days.items()):
        for window in split_into_windows(listed, chunk_days):
            symbols[window][source].append(exchange_symbols[source, market])
            candles = (window.ends_at - window.starts_at) // interval
            requests += -(-candles // request_sizes[source].rows_per_request)
    windows = [
        HealingWindow(window, {source: sorted(names) for source, names in of_source.items()})
        for window, of_source in sorted(symbols.items())
    ]
    return HealingPlan(span, reasons, windows, requests)


def unfetched_runs(reasons: Mapping[MarketDay, str]) -> list[tuple[str, str, Window]]:
    """Return the days that nobody has asked for, those of a market that follow each other as one window."""
    days: dict[tuple[str, str], list[date]] = defaultdict(list)
    for place, reason in reasons.items():
        if reason == UNFETCHED:
            days[place.source, place.market].append(place.day)
    return [
        (source, market, window)
        for (source, market), listed in sorted(days.items())
        for window in split_into_windows(listed, len(listed))
    ]


def plan_as_text(plan: HealingPlan) -> str:
    """Return the plan as a table for people."""
    counted = Counter((place.source, place.market, reason) for place, reason in plan.reasons.items())
    lines = [
        f"Audit of [{plan.span.start}, {plan.span.end}): {len(plan.reasons)} days of markets are to be healed",
        f"  windows         {len(plan.windows)}, with {plan.requests} API requests",
    ]
    lines += [
        f"  {source:<15} {market}: {number} days {reason}"
        for (source, market, reason), number in sorted(counted.items())
    ]
    lines += [
        f"  window          [{each.window.start}, {each.window.end}) of "
        + ", ".join(f"{source} {' '.join(names)}" for source, names in each.symbols.items())
        for each in plan.windows
    ]
    return "\n".join(lines)
