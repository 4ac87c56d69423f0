"""The canonical markets of exchange symbols: which asset is priced in which currency, on which day.

An exchange states base and quote of each of its markets. They are never derived from the letters of a symbol. The names
of assets have a meaning that depends on the day (``asset_names.py``).
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date

from crypto_prices_contract.markets import Market
from crypto_prices_contract.window import Window

from crypto_prices.fetch.asset_names import asset_on, change_days
from crypto_prices.fetch.errors import MarketSettingsError

_ASSET = re.compile(r"[A-Za-z0-9]{1,32}")
_CURRENCY = re.compile(r"[A-Za-z0-9]{1,16}")


@dataclass(frozen=True)
class Pair:
    """Base and quote of a market, under the exchange's own names."""

    base: str
    quote: str

    @classmethod
    def parse(cls, text: str) -> Pair:
        """Return the pair in a text such as ``BTC/USDT``."""
        base, _, quote = text.partition("/")
        return cls(base, quote)

    def __str__(self) -> str:
        return f"{self.base}/{self.quote}"


class MarketsByDay:
    """The canonical markets of exchange symbols, day by day.

    Args:
        pairs: By source and exchange symbol, base and quote.

    Raises:
        MarketSettingsError: On some day, two symbols of a source are the same market, or a name does not fit into the
            tables.
    """

    def __init__(self, pairs: Mapping[str, Mapping[str, Pair]]) -> None:
        self._pairs = pairs
        self.changes: Sequence[date] = sorted(
            {
                day
                for source, of_source in pairs.items()
                for pair in of_source.values()
                for asset in (pair.base, pair.quote)
                for day in change_days(source, asset)
            }
        )
        """The days on which a name changes."""
        self._periods = [
            {source: _markets(source, of_source, day) for source, of_source in pairs.items()}
            for day in (date.min, *self.changes)
        ]

    @property
    def sources(self) -> Set[str]:
        """The sources."""
        return self._pairs.keys()

    def on(self, day: date) -> Mapping[str, Sequence[Market]]:
        """Return the markets by source on a day, without symbols that their exchange did not use then."""
        return self._periods[bisect_right(self.changes, day)]

    def exchange_symbol(self, source: str, market: str, day: date) -> str:
        """Return the exchange's name of a market on a day.

        Args:
            source: Name of the source.
            market: Canonical name of the market, which the source has on that day.
            day: The day.
        """
        return next(each.exchange_symbol for each in self.on(day)[source] if each.name == market)

    def in_window(self, window: Window) -> Mapping[str, Sequence[Market]]:
        """Return the markets by source in a window.

        Raises:
            MarketSettingsError: A name changes within the window, so that it would hold two coins.
        """
        first = self.on(window.start)
        for day in self.changes:
            if window.start < day < window.end and self.on(day) != first:
                before, after = (
                    {
                        (source, market.exchange_symbol): market.name
                        for source, listed in of.items()
                        for market in listed
                    }
                    for of in (first, self.on(day))
                )
                source, symbol = min(key for key in before.keys() | after.keys() if before.get(key) != after.get(key))
                raise MarketSettingsError(
                    f"{symbol} of {source} is {before.get((source, symbol), 'not in use')} until {day} and "
                    f"{after.get((source, symbol), 'not in use')} from then on, so no window may contain both",
                    f"Load [{window.start}, {day}) and [{day}, {window.end}) separately. crypto_prices_backfill does",
                )
        return first

    def unused(self, day: date) -> Mapping[str, Sequence[str]]:
        """Return the symbols by source that their exchange did not use on a day."""
        used = {source: {market.exchange_symbol for market in listed} for source, listed in self.on(day).items()}
        return {
            source: unused
            for source, of_source in self._pairs.items()
            if (unused := [symbol for symbol in of_source if symbol not in used[source]])
        }


def unlisted(source: str, symbols: Sequence[str]) -> MarketSettingsError:
    """Return the error for symbols that an exchange does not list."""
    some = ", ".join(symbols[:20]) + (f" and {len(symbols) - 20} more" if len(symbols) > 20 else "")
    return MarketSettingsError(
        f"{source} does not list {some}",
        f"Correct the symbols in the settings of {source}. If it listed them once and you load their past, state base "
        f'and quote there: "markets": {{"{symbols[0]}": "BASE/QUOTE"}}',
    )


def _markets(source: str, pairs: Mapping[str, Pair], day: date) -> list[Market]:
    found: list[Market] = []
    by_name: dict[str, str] = {}
    for exchange_symbol, pair in pairs.items():
        base, quote = (asset_on(source, name, day) for name in (pair.base, pair.quote))
        if base is None or quote is None:
            continue
        if not _ASSET.fullmatch(base) or not _CURRENCY.fullmatch(quote):
            raise MarketSettingsError(
                f"{exchange_symbol} of {source} is the market {base}/{quote}, but an asset has at most 32 letters and "
                "digits, and a currency at most 16",
                "Remove the symbol from the settings, or give the asset another name in "
                "plugins/crypto_prices/fetch/asset_names.py",
            )
        market = Market(exchange_symbol, base, quote)
        other = by_name.setdefault(market.name, exchange_symbol)
        if other != exchange_symbol:
            raise MarketSettingsError(
                f"{other} and {exchange_symbol} of {source} are the same market, {market.name}",
                "Remove one of them from the settings. If the exchange renamed the market, give the names their days "
                "in plugins/crypto_prices/fetch/asset_names.py",
            )
        found.append(market)
    return found
