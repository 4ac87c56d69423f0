"""The days of a backfill that are already loaded, judged by the warehouse's loads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from crypto_prices_contract.window import Window


@dataclass(frozen=True)
class Load:
    """One load of ``crypto.etl_metadata``, as ``sql/backfill/find_loads.sql`` gives it.

    Attributes:
        source: Name of the source.
        batch_id: The load's name.
        window: The days that were loaded.
        markets: Canonical markets that were asked for.
        load_number: Its place in the order of all loads.
        status: ``loaded`` when its counts agreed, ``merged`` when they did not.
        is_recorded: Whether its run knows of it and has published it in the catalog.
        rows_owned: Rows of the fact table that it has merged and that no later load has replaced.
        rows_now: Rows of it that are in the fact table.
        raw_manifest: URI of what was fetched.
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
    raw_manifest: str = ""

    @property
    def is_intact(self) -> bool:
        """Whether it added up and was published, and all that it loaded and no later load has replaced is there."""
        return self.status == "loaded" and self.is_recorded and self.rows_now == self.rows_owned


def loads_of_rows(rows: Iterable[Mapping[str, Any]], candle_interval: str) -> list[Load]:
    """Return the loads of an interval out of rows of ``sql/backfill/find_loads.sql``."""
    return [
        Load(
            source=str(row["source"]),
            batch_id=str(row["batch_id"]),
            window=Window.parse(str(row["window_start"]), str(row["window_end"])),
            markets=frozenset(str(row["markets"] or "").split(",")),
            load_number=int(row["load_number"] or 0),
            status=str(row["status"]),
            is_recorded=bool(row["is_recorded"]),
            rows_owned=int(row["rows_owned"] or 0),
            rows_now=int(row["rows_now"] or 0),
            raw_manifest=str(row["raw_manifest"]),
        )
        for row in rows
        if row["candle_interval"] == candle_interval
    ]


def loaded_days(span: Window, markets: Mapping[str, Iterable[str]], loads: Iterable[Load]) -> dict[date, str]:
    """Return the days of a span whose every market is loaded, with the batches that loaded it.

    Of each market and day the newest load counts, also one that did not add up or was not published. A day is loaded
    when all of those are intact; what an exchange had no candle of is loaded too, because it was asked for.

    Args:
        span: The days to look at.
        markets: Canonical markets by source.
        loads: Loads that touch the span.
    """
    wanted = {(source, market) for source, listed in markets.items() for market in listed}
    newest: dict[tuple[date, str, str], Load] = {}
    for load in sorted(loads, key=lambda load: load.load_number):
        for day in Window(max(load.window.start, span.start), min(load.window.end, span.end)).days():
            for market in load.markets:
                newest[day, load.source, market] = load
    found: dict[date, str] = {}
    for day in span.days():
        of_day = [newest.get((day, source, market)) for source, market in wanted]
        if all(load is not None and load.is_intact for load in of_day):
            found[day] = ", ".join(sorted({load.batch_id for load in of_day if load is not None}))
    return found
