"""A day's prices, one line per market: open, low, high, close and a small chart."""

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
        market: The market, such as ``BTC/USDT``.
        candles: Number of candles.
        open_price: First price.
        low_price: Lowest price; None if the source has single prices instead of candles.
        high_price: Highest price; None in the same case.
        close_price: Closing price of the last candle; None in the same case, because a single price is not a close.
        chart: The closing prices as bars, one per candle; for a source without candles, its prices.
    """

    source: str
    market: str
    candles: int
    open_price: Decimal
    low_price: Decimal | None
    high_price: Decimal | None
    close_price: Decimal | None
    chart: str

    @property
    def change_percent(self) -> Decimal | None:
        """The change from the open to the close, in percent; None without a close."""
        return None if self.close_price is None else (self.close_price / self.open_price - 1) * 100


def chart(prices: Sequence[Decimal]) -> str:
    """Return prices as bars, scaled from the lowest to the highest price."""
    low, high = min(prices), max(prices)
    span = high - low
    return "".join(BARS[int((price - low) / span * (len(BARS) - 1)) if span else 0] for price in prices)


def market_days(rows: Sequence[dict[str, Any]]) -> list[MarketDay]:
    """Return one line per market, sorted so that an asset's sources are next to each other.

    Args:
        rows: Rows of ``sql/queries/prices_of_window.sql``, ordered by market and time.
    """
    days = []
    for (source, symbol, quote), group in groupby(rows, lambda r: (r["source"], r["symbol"], r["quote_currency"])):
        candles = sorted(group, key=lambda row: datetime.fromisoformat(row["observed_at"]))
        lows, highs, closes = (
            [Decimal(row[name]) for row in candles if row[name] is not None]
            for name in ("low_price", "high_price", "close_price")
        )
        days.append(
            MarketDay(
                source=source,
                market=f"{symbol}/{quote}",
                candles=len(candles),
                open_price=Decimal(candles[0]["open_price"]),
                low_price=min(lows, default=None),
                high_price=max(highs, default=None),
                close_price=closes[-1] if closes else None,
                chart=chart(closes or [Decimal(row["open_price"]) for row in candles]),
            )
        )
    return sorted(days, key=lambda day: (day.market.partition("/")[0], day.source, day.market))


def plain(number: Decimal | None) -> str:
    """Return a decimal without trailing zeros, which the column's scale adds; a dash for None."""
    if number is None:
        return "–"  # noqa: RUF001 - a dash is meant
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
