"""The days of markets that are wrong in the warehouse or in the raw zone, and the reasons."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from crypto_prices_contract.window import Window

from crypto_prices.backfill.loaded_days import Load
from crypto_prices.backfill.windows_to_load import split_into_windows

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
