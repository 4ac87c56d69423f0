"""The days of a backfill that are already loaded, according to the warehouse's loads."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from crypto_prices_contract.window import Window

from crypto_prices.fetch.markets import MarketsByDay
from crypto_prices.market_sets import MarketSets


@dataclass(frozen=True)
class Load:
    """One load in ``crypto.etl_metadata``.

    Attributes:
        source: Name of the source.
        batch_id: The load's name.
        window: The loaded days.
        markets: Canonical names of the requested markets.
        load_number: Its position in the order of all loads.
        status: ``loaded`` if its counts agree, otherwise ``merged``.
        is_recorded: Whether its run published it in the catalog and recorded that.
        rows_owned: Number of rows that it merged and that no later load has replaced.
        rows_now: Number of its rows that are in the fact table now.
        glue_job_run_id: The Glue run that curated it.
        raw_manifest: URI of the raw manifest.
        is_accepted: Whether a user accepted its rejected records.
    """

    source: str
    batch_id: str
    window: Window
    markets: frozenset[str]
    load_number: int
    status: str
    is_recorded: bool
    rows_owned: int
    rows_now: int
    glue_job_run_id: str
    raw_manifest: str
    is_accepted: bool

    @property
    def is_intact(self) -> bool:
        """Whether its counts agree, it is published, and all rows that it owns are in the fact table."""
        return self.status == "loaded" and self.is_recorded and self.rows_now == self.rows_owned


def find_loads(query: Callable[[str, Window], list[dict[str, Any]]], span: Window, candle_interval: str) -> list[Load]:
    """Return the loads with this candle interval that touch the days.

    The statements are not one transaction. If another run loads one of the days in between, the rows that it replaces
    are missing from their load, which then is not intact.

    Args:
        query: Runs a file under sql/ for the days in its ``params``, and returns the rows.
        span: The days.
        candle_interval: The interval.

    Raises:
        UnknownMarketSetError: The set of a load is missing.
    """
    rows = query("backfill/find_loads.sql", span)
    if not rows:
        return []
    windows = [Window.parse(str(row["window_start"]), str(row["window_end"])) for row in rows]
    days = Window(min(window.start for window in windows), max(window.end for window in windows))
    rows_now = {
        (row["batch_id"], row["source"]): int(row["rows_now"])
        for row in query("backfill/count_rows_of_loads.sql", days)
    }
    market_sets = MarketSets(query("backfill/find_market_sets.sql", span))
    return [
        Load(
            source=str(row["source"]),
            batch_id=str(row["batch_id"]),
            window=window,
            markets=market_sets.of_load(row),
            load_number=int(row["load_number"] or 0),
            status=str(row["status"]),
            is_recorded=bool(row["is_recorded"]),
            rows_owned=int(row["rows_owned"] or 0),
            rows_now=rows_now.get((row["batch_id"], row["source"]), 0),
            glue_job_run_id=str(row["glue_job_run_id"]),
            raw_manifest=str(row["raw_manifest"]),
            is_accepted=bool(row["is_accepted"]),
        )
        for row, window in zip(rows, windows, strict=True)
        if row["candle_interval"] == candle_interval
    ]


def loaded_days(span: Window, markets: MarketsByDay, loads: Iterable[Load]) -> dict[date, str]:
    """Return the days whose markets are all loaded, with the batches that loaded them.

    For each market and day, only the newest load counts, even if it does not add up or was not published. A day is
    loaded if all of these loads are intact. A market without candles counts as loaded, too, because it was requested.

    Args:
        span: The days to check.
        markets: The markets.
        loads: Loads that touch the span.
    """
    newest: dict[tuple[date, str, str], Load] = {}
    for load in sorted(loads, key=lambda load: load.load_number):
        for day in Window(max(load.window.start, span.start), min(load.window.end, span.end)).days():
            for market in load.markets:
                newest[day, load.source, market] = load
    found: dict[date, str] = {}
    for day in span.days():
        of_day = [
            newest.get((day, source, market.name)) for source, listed in markets.on(day).items() for market in listed
        ]
        if of_day and all(load is not None and load.is_intact for load in of_day):
            found[day] = ", ".join(sorted({load.batch_id for load in of_day if load is not None}))
    return found
