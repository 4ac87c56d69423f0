"""Random sequences of loads, restatements, removals and refreshes of the marts."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import TypeVar

from tests.support.mart_oracle import length
from tests.support.mart_refreshes import SQL, Candle, Marts, environment

FIRST = date(2023, 1, 1)
DAYS = 400
MARKETS = {
    "binance": ["BTC/USDT", "BTC/USDC", "USDC/USDT"],
    "bitfinex": ["BTC/USD", "BTC/USDT", "USDT/USD"],
    "bitstamp": ["BTC/USD", "USDT/USD", "USDC/USD"],
    "coinbase": ["BTC/USD", "USDT/USD", "USDC/USD", "BTC/USDC"],
    "coingecko": ["BTC/USD"],
    "not_ours": ["BTC/USD"],
}
PRICES = {"BTC": "40000", "USDT": "1", "USDC": "1"}
T = TypeVar("T")
OTHER_BUNDLE = environment({"marts/limits.jinja": (SQL / "marts" / "limits.jinja").read_text().replace("3600", "1800")})
"""Its candles of an hour do not count."""
INTERVALS = ["1d", "4h", "1h", "1h", "1h", "30m"]


class RandomLoads:
    """One random sequence.

    Args:
        marts: The empty marts.
        seed: Names the sequence.
    """

    def __init__(self, marts: Marts, seed: int) -> None:
        self.random = random.Random(seed)
        self.marts = marts
        self.plans: list[object] = []

    def history(self) -> None:
        """Load more than a year of daily candles of a few markets, so that every statistic has a value."""
        for source in ("coinbase", "binance"):
            end = FIRST + timedelta(days=DAYS)
            self.marts.load(source, FIRST, end, self.candles(source, FIRST, end, "1d", kept=0.99), "1d")
        # The first refresh is a full one. All later ones add loads.
        self.refresh()

    def steps(self, number: int, *, deploys: bool = False) -> None:
        """Do some random steps.

        Args:
            number: The number of steps.
            deploys: Whether they include other bundles. The next refresh is then a full one.
        """
        steps = [self.load, self.load, self.load, self.remove, self.refresh, self.refresh_again]
        for _ in range(number):
            self.random.choice([*steps, self.try_another_bundle] if deploys else steps)()

    def load(self) -> None:
        """Load some days of a source, or load them again with other values."""
        source, interval, start, end = self._window()
        kept = self.random.choice([1, 1, 0.9, 0.5])
        self.marts.load(source, start, end, self.candles(source, start, end, interval, kept=kept), interval)

    def remove(self) -> None:
        """Remove all candles of some days."""
        source, interval, start, end = self._window()
        self.marts.load(source, start, end, [], interval)

    def refresh(self) -> None:
        """Refresh the marts."""
        planned = self.marts.refresh()
        if planned is not None:
            self.plans.append(planned)

    def refresh_again(self) -> None:
        """Run an old refresh again, as clearing its task does."""
        if self.plans:
            self.marts.run(self.random.choice(self.plans))  # type: ignore[arg-type]

    def try_another_bundle(self) -> None:
        """Let a refresh fail, refresh with another bundle, deploy the first one again, and clear the failed refresh."""
        self.refresh()
        self.load()
        failed = self.marts.plan()
        first, self.marts.templates = self.marts.templates, OTHER_BUNDLE
        self.marts.refresh()
        self.marts.templates = first
        self.marts.run(failed)  # type: ignore[arg-type]

    def _window(self) -> tuple[str, str, date, date]:
        # The same few days, so that loads overlap. Later days depend on most of them.
        first = FIRST + timedelta(days=self.random.choice([0, 200, DAYS - 40, DAYS - 3, DAYS - 2, DAYS - 1]))
        days = self.random.choice([1, 1, 2])
        return self.random.choice(sorted(MARKETS)), self.random.choice(INTERVALS), first, first + timedelta(days=days)

    def candles(self, source: str, start: date, end: date, interval: str, *, kept: float) -> list[Candle]:
        """Return random candles of all markets of a source."""
        return [
            self._candle(source, market, interval, opens_at)
            for market in MARKETS[source]
            for opens_at in _openings(start, end, interval)
            if self.random.random() < kept
        ]

    def _candle(self, source: str, market: str, interval: str, opens_at: datetime) -> Candle:
        symbol, quote = market.split("/")
        close = self._near(PRICES[symbol], symbol)
        if source == "coingecko":
            return Candle(source, symbol, quote, interval, opens_at, close, *[None] * 6)
        volume = self.random.choice(["0", *[str(Decimal(self.random.randrange(1, 10**8)) / 10**6)] * 9])
        quote_volume = str((Decimal(volume) * Decimal(close)).quantize(Decimal("1e-8")))
        prices = sorted((close, self._near(PRICES[symbol], symbol)), key=Decimal)
        close = self.random.choice([*[close] * 60, "0"])
        return Candle(
            *(source, symbol, quote, interval, opens_at),
            *(self._near(PRICES[symbol], symbol), self._known(prices[1]), prices[0], close, self._known(volume)),
            self._known(quote_volume) if source == "binance" else None,
            self._known(self.random.randrange(1, 1000)) if source == "binance" else None,
        )

    def _known(self, value: T) -> T | None:
        """Return a value, or rarely NULL, so that some days have both."""
        return self.random.choice([None, *[value] * 40])

    def _near(self, price: str, symbol: str) -> str:
        """Return a price near another: stablecoins within 80 bps, so that venues agree and disagree."""
        spread = 80 if symbol == "BTC" else 40
        share = Decimal(self.random.randrange(-(10**6), 10**6)) / 10**6 * spread / 10_000
        return str((Decimal(price) * (1 + share)).quantize(Decimal("1e-12")))


def _openings(start: date, end: date, interval: str) -> Iterator[datetime]:
    opens_at = datetime.combine(start, time())
    while opens_at < datetime.combine(end, time()):
        yield opens_at
        opens_at += length(interval)
