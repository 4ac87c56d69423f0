"""Markets: a base asset priced in a quote currency, such as ``BTC/USDT``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Market:
    """One market of an exchange, with the exchange's name and the canonical name.

    Attributes:
        exchange_symbol: The exchange's name, such as ``BTCUSDT``.
        symbol: Canonical base asset, such as ``BTC``.
        quote_currency: Canonical currency of the prices, such as ``USDT``.
    """

    exchange_symbol: str
    symbol: str
    quote_currency: str

    @property
    def name(self) -> str:
        """The canonical name, such as ``BTC/USDT``."""
        return f"{self.symbol}/{self.quote_currency}"


def market_key(source: str, candle_interval: str, market_name: str) -> str:
    """Return the key of a market in reports and in the catalog, such as ``binance/1h/BTC/USDT``."""
    return f"{source}/{candle_interval}/{market_name}"


def origins_as_text(origins: Mapping[str, str]) -> str:
    """Return the value of a catalog partition's parameter ``markets``: ``<market key>@<origin>``, separated by commas.

    Args:
        origins: The origin of each market key: the Glue run that curated it.
    """
    return ",".join(f"{market}@{origin}" for market, origin in sorted(origins.items()))


def origins_from_text(text: str) -> dict[str, str]:
    """Return the origins by market key from a text by ``origins_as_text``."""
    pairs = (item.rpartition("@") for item in text.split(",") if item)
    return {market: origin for market, _, origin in pairs}
