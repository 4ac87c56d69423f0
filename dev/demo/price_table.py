"""A day's prices as one line per market: what it opened, closed and did in between, with a small chart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import groupby
from typing import Any

BARS = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True)
class MarketDay:
    """One market's day.

    Attributes:
        source: Name of the source.
        market: Such as ``BTC/USDT``.
        candles: Number of candles.
        open_price: First price.
        low_price: Lowest price; None where the source has prices at instants and no candles.
        high_price: Highest price, likewise.
        close_price: Last price.
        chart: The closing prices as bars, one per candle; the prices themselves where there are no candles.
    """

    source: str
    market: str
    candles: int
    open_price: Decimal
    low_price: Decimal | None
    high_price: Decimal | None
    close_price: Decimal
    chart: str

    @property
    def change_percent(self) -> Decimal:
        """Change from the first to the last price, in percent."""
        return (self.close_price / self.open_price - 1) * 100


def chart(prices: Sequence[Decimal]) -> str:
    """Return prices as bars between the lowest and the highest of them."""
    low, high = min(prices), max(prices)
    span = high - low
    return "".join(BARS[int((price - low) / span * (len(BARS) - 1)) if span else 0] for price in prices)


def market_days(rows: Sequence[dict[str, Any]]) -> list[MarketDay]:
    """Return one line per market, the same asset of several sources side by side.

    Args:
        rows: Rows of ``sql/queries/prices_of_window.sql``, ordered by market and time.
    """
    days = []
    for (source, symbol, quote), group in groupby(rows, lambda r: (r["source"], r["symbol"], r["quote_currency"])):
        candles = sorted(group, key=lambda row: datetime.fromisoformat(row["observed_at"]))
        closes = [Decimal(row["close_price"] or row["open_price"]) for row in candles]
        lows, highs = (
            [Decimal(row[name]) for row in candles if row[name] is not None] for name in ("low_price", "high_price")
        )
        days.append(
            MarketDay(
                source=source,
                market=f"{symbol}/{quote}",
                candles=len(candles),
                open_price=Decimal(candles[0]["open_price"]),
                low_price=min(lows, default=None),
                high_price=max(highs, default=None),
                close_price=closes[-1],
                chart=chart(closes),
            )
        )
    return sorted(days, key=lambda day: (day.market.partition("/")[0], day.source, day.market))


def plain(number: Decimal | None) -> str:
    """Return a decimal with its own digits, without the zeros that the column's scale adds; a dash for None."""
    if number is None:
        return "–"  # noqa: RUF001 - a dash is meant
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
