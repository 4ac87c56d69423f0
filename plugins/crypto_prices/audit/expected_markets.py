"""The markets that the settings expect, with the days on which their exchange used their names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from crypto_prices.fetch.markets import MarketsByDay


@dataclass(frozen=True)
class ExpectedMarket:
    """A market of the settings, under its canonical name.

    Attributes:
        source: Name of the source.
        symbol: Base asset.
        quote_currency: Currency of the prices.
        used_from: First day of the name; None if it has no beginning.
        used_until: First day after it; None if it has no end.
    """

    source: str
    symbol: str
    quote_currency: str
    used_from: date | None
    used_until: date | None

    @classmethod
    def of_row(cls, row: Mapping[str, Any]) -> ExpectedMarket:
        """Return the market in a row of ``sql/audit/find_expected_markets.sql``."""
        used_from, used_until = (
            None if row[name] is None else date.fromisoformat(str(row[name])) for name in ("used_from", "used_until")
        )
        return cls(str(row["source"]), str(row["symbol"]), str(row["quote_currency"]), used_from, used_until)


def expected_markets(markets: MarketsByDay) -> list[ExpectedMarket]:
    """Return each market once per period in which its exchange used the name without a break.

    Args:
        markets: The markets.
    """
    found: dict[tuple[str, str, str], list[tuple[date | None, date | None]]] = {}
    for begins, ends in zip([None, *markets.changes], [*markets.changes, None], strict=True):
        for source, listed in markets.on(begins or date.min).items():
            for market in listed:
                periods = found.setdefault((source, market.symbol, market.quote_currency), [])
                if begins is not None and periods and periods[-1][1] == begins:
                    periods[-1] = (periods[-1][0], ends)
                else:
                    periods.append((begins, ends))
    return [ExpectedMarket(*names, *period) for names, periods in sorted(found.items()) for period in periods]
