"""The missing candles of each day, from the ranges in ``crypto.candle_gaps``."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from crypto_prices_contract.window import Window

from crypto_prices.audit.days_to_heal import MarketDay


@dataclass(frozen=True)
class Gap:
    """A range of consecutive missing candles of a market.

    Attributes:
        source: Name of the source.
        market: Canonical name of the market.
        starts_at: Opening time of the first missing candle, UTC.
        ends_at: Opening time of the candle after the last missing one, UTC.
        reason: Why the candles are missing.
    """

    source: str
    market: str
    starts_at: datetime
    ends_at: datetime
    reason: str


def gaps_by_day(span: Window, gaps: Iterable[Gap], interval: timedelta) -> dict[MarketDay, dict[str, int]]:
    """Return the number of missing candles on each day of the span, by reason.

    Args:
        span: The days.
        gaps: Ranges that may begin before the span and end after it.
        interval: Length of a candle.
    """
    found: dict[MarketDay, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for gap in gaps:
        starts_at, ends_at = max(gap.starts_at, span.starts_at), min(gap.ends_at, span.ends_at)
        while starts_at < ends_at:
            day = Window.of_day(starts_at.date())
            until = min(day.ends_at, ends_at)
            found[MarketDay(gap.source, gap.market, day.start)][gap.reason] += (until - starts_at) // interval
            starts_at = until
    return {place: dict(reasons) for place, reasons in found.items()}
