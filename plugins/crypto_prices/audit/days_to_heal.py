"""The days of markets that are wrong in the warehouse or in the raw zone, with reasons."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from crypto_prices_contract.window import Window

from crypto_prices.backfill.loaded_days import Load
from crypto_prices.fetch.markets import MarketsByDay

UNFETCHED, ROWS_MISSING, NOT_PUBLISHED, RAW_MISSING = "unfetched", "rows_missing", "not_published", "raw_missing"
"""Reasons why a day of a market is wrong: it was never fetched; loaded candles are missing from the fact table; its
load was merged, but the catalog shows another one; its objects are missing from the raw zone. The other reasons are
those of ``crypto.candle_gaps``."""

RESTATED = "restated"
"""The reason of days whose candles the exchange has changed since they were loaded."""

QUARANTINED = "quarantined"
"""The reason of gaps whose records broke a rule."""

REMOVED = "removed"
"""The reason of gaps whose candles a user removed."""

REQUIRED = frozenset({UNFETCHED, ROWS_MISSING, NOT_PUBLISHED, RAW_MISSING})
"""Reasons that a reload removes. For the others, the exchange may still return no candle."""


@dataclass(frozen=True, order=True)
class MarketDay:
    """A day of a market, under its canonical name."""

    source: str
    market: str
    day: date

    @property
    def symbol(self) -> str:
        """The base asset."""
        return self.market.partition("/")[0]

    @property
    def quote_currency(self) -> str:
        """The currency of the prices."""
        return self.market.partition("/")[2]


def find_reasons(
    span: Window,
    *,
    markets: MarketsByDay,
    candles_a_day: int,
    loads: Iterable[Load],
    rows: Mapping[MarketDay, int],
    gaps: Mapping[MarketDay, Mapping[str, int]],
    shown: Mapping[str, str],
    lost_manifests: Iterable[str],
    ask_again: Iterable[str],
) -> dict[MarketDay, str]:
    """Return the days of markets that are wrong, each with the most important reason.

    A day with candles that a user removed is wrong only if other candles are missing without a reason, because a load
    of the day would bring the removed candles back.

    Args:
        span: The days to check.
        markets: The markets.
        candles_a_day: Number of candles in a day.
        loads: The loads that touch the span.
        rows: Number of rows in the fact table.
        gaps: Number of missing candles in ``crypto.candle_gaps``, by reason.
        shown: The Glue runs whose versions the catalog shows, by ISO day.
        lost_manifests: Raw manifests that are missing or whose objects are missing.
        ask_again: Reasons of gaps whose candles are requested again.
    """
    newest: dict[MarketDay, Load] = {}
    newest_run: dict[date, str] = {}
    for load in sorted(loads, key=lambda load: load.load_number):
        for day in load.window.days():
            newest_run[day] = load.glue_job_run_id
            for market in load.markets:
                newest[MarketDay(load.source, market, day)] = load
    with_rows = {place.day for place, row_total in rows.items() if row_total}
    # A day without rows has no partition.
    expected = {day: run if day in with_rows else None for day, run in newest_run.items()}
    outdated = {day for day, run in expected.items() if shown.get(day.isoformat()) != run}
    lost, again = set(lost_manifests), set(ask_again)
    found: dict[MarketDay, str] = {}
    for day in span.days():
        for source, listed in markets.on(day).items():
            for each in listed:
                place = MarketDay(source, each.name, day)
                known = Counter(gaps.get(place, {}))
                load_of_day = newest.get(place)
                is_explained = rows.get(place, 0) + known.total() >= candles_a_day
                # A window without candles is fetched, but not loaded. Its gaps explain the missing candles.
                if load_of_day is None and not is_explained:
                    found[place] = UNFETCHED
                elif not is_explained:
                    found[place] = ROWS_MISSING
                elif REMOVED in known:
                    continue
                elif load_of_day is not None and (not load_of_day.is_recorded or day in outdated):
                    found[place] = NOT_PUBLISHED
                elif load_of_day is not None and load_of_day.raw_manifest in lost:
                    found[place] = RAW_MISSING
                # A user has accepted that the day's candles are missing.
                elif (asked := sorted(again.intersection(known))) and not (load_of_day and load_of_day.is_accepted):
                    found[place] = asked[0]
    return found
