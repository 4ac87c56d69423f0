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
        low_price: Lowest price.
        high_price: Highest price.
        close_price: Last price.
        chart: The closing prices as bars, one per candle.
    """

    source: str
    market: str
    candles: int
    open_price: Decimal
    low_price: Decimal
    high_price: Decimal
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
    """Return one line per market of the rows of ``sql/queries/prices_of_window.sql`` (ordered by market and time)."""
    days = []
    for (source, symbol, quote), group in groupby(rows, lambda r: (r["source"], r["symbol"], r["quote_currency"])):
        candles = sorted(group, key=lambda row: datetime.fromisoformat(row["observed_at"]))
        closes = [Decimal(row["close_price"]) for row in candles]
        days.append(
            MarketDay(
                source=source,
                market=f"{symbol}/{quote}",
                candles=len(candles),
                open_price=Decimal(candles[0]["open_price"]),
                low_price=min(Decimal(row["low_price"]) for row in candles),
                high_price=max(Decimal(row["high_price"]) for row in candles),
                close_price=closes[-1],
                chart=chart(closes),
            )
        )
    return days


def plain(number: Decimal) -> str:
    """Return a decimal with its own digits, without the zeros that the column's scale adds."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
