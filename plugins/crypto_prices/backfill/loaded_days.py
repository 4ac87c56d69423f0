"""The days of a backfill that are already loaded, according to the warehouse's loads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from crypto_prices_contract.window import Window

from crypto_prices.fetch.markets import MarketsByDay
from crypto_prices.market_sets import MarketSets


@dataclass(frozen=True)
class Load:
    """One load in ``crypto.etl_metadata``, from ``sql/backfill/find_loads.sql``.

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


def loads_of_rows(rows: Iterable[Mapping[str, Any]], market_sets: MarketSets, candle_interval: str) -> list[Load]:
    """Return the loads with this candle interval from rows of ``sql/backfill/find_loads.sql``.

    Raises:
        UnknownMarketSetError: The set of a load is missing.
    """
    return [
        Load(
            source=str(row["source"]),
            batch_id=str(row["batch_id"]),
            window=Window.parse(str(row["window_start"]), str(row["window_end"])),
            markets=market_sets.of_load(row),
            load_number=int(row["load_number"] or 0),
            status=str(row["status"]),
            is_recorded=bool(row["is_recorded"]),
            rows_owned=int(row["rows_owned"] or 0),
            rows_now=int(row["rows_now"] or 0),
            glue_job_run_id=str(row["glue_job_run_id"]),
            raw_manifest=str(row["raw_manifest"]),
            is_accepted=bool(row["is_accepted"]),
        )
        for row in rows
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
