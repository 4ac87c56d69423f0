"""What the page shows, as rows of the warehouse. One snapshot has all of its queries."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from crypto_prices_contract.window import Window

Rows = Sequence[dict[str, Any]]

STATUS_DAYS = 14
"""Days of the status, and of the hourly candles."""

DAILY_CANDLES = 400
"""Days with a daily candle."""

LOADS_SHOWN = 30
"""Newest loads. The durations of a load are compared with their median."""


@dataclass(frozen=True)
class Snapshot:
    """Rows of the warehouse.

    Attributes:
        until: The day after the newest fetched one.
        ranges: The fetched days of each market (status/find_fetched_ranges.sql).
        expected: The settings' markets (plan/find_expected_markets.sql).
        gaps: The ranges of missing candles (audit/find_gaps.sql).
        loads: The newest loads (status/find_loads.sql).
        daily_from: The first day of the daily candles.
        daily: Daily candles (status/find_candles.sql).
        hourly: Hourly candles of the last days.
        daily_consensus: The consensus at the end of each day (status/find_consensus.sql).
        hourly_consensus: The consensus at the end of each hour of the last days.
    """

    until: date
    ranges: Rows
    expected: Rows
    gaps: Rows
    loads: Rows
    daily_from: date
    daily: Rows
    hourly: Rows
    daily_consensus: Rows
    hourly_consensus: Rows


def read_snapshot(query: Callable[..., Rows], *, daily_candles: int = DAILY_CANDLES) -> Snapshot | None:
    """Read the warehouse. Return None if it has no load.

    The newest day is that of the loads, not of the clock: a repeated call returns the same days.

    Args:
        query: Runs a statement of sql/, given its name and the values of its template, and returns its rows.
        daily_candles: Maximum number of daily candles per market.
    """
    ranges = query("status/find_fetched_ranges.sql")
    if not ranges:
        return None
    until = max(date.fromisoformat(str(row["ends_on"])) for row in ranges)
    first = min(date.fromisoformat(str(row["starts_on"])) for row in ranges)
    newest = Window(until - timedelta(days=STATUS_DAYS), until)
    long = Window(until - timedelta(days=daily_candles), until)
    return Snapshot(
        until=until,
        ranges=ranges,
        expected=query("plan/find_expected_markets.sql"),
        gaps=query("audit/find_gaps.sql", params=Window(first, until)),
        loads=query("status/find_loads.sql", params=newest, load_total=LOADS_SHOWN),
        daily_from=long.start,
        daily=query("status/find_candles.sql", params=long, unit="day"),
        hourly=query("status/find_candles.sql", params=newest, unit="hour"),
        daily_consensus=query("status/find_consensus.sql", params=long, unit="day"),
        hourly_consensus=query("status/find_consensus.sql", params=newest, unit="hour"),
    )
