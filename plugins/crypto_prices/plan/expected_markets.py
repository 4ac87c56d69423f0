"""The markets that the settings expect, with the days on which their exchange used their names.

They are in ``crypto.expected_markets``, so that the view ``crypto.missing_candles`` shows a market that no load has.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from crypto_prices.aws.redshift_data import RedshiftDataClient
from crypto_prices.fetch.markets import MarketsByDay
from crypto_prices.task_statements import WRITE_EXPECTED_MARKETS

MARKETS_PER_BATCH = 200
"""Markets that one transaction replaces. The longest row has about 300 bytes, and the Data API accepts 100 KB per
statement."""


@dataclass(frozen=True)
class ExpectedMarket:
    """A market of the settings, under its canonical name.

    Attributes:
        source: Name of the source.
        symbol: Base asset.
        quote_currency: Currency of the prices.
        candle_interval: Length of a candle, such as ``1h``.
        used_from: First day of the name; None if it has no beginning.
        used_until: First day after it; None if it has no end.
    """

    source: str
    symbol: str
    quote_currency: str
    candle_interval: str
    used_from: date | None
    used_until: date | None

    @property
    def name(self) -> str:
        """The market and its interval, such as ``binance/1h/BTC/USDT``."""
        return f"{self.source}/{self.candle_interval}/{self.symbol}/{self.quote_currency}"

    @classmethod
    def of_row(cls, row: Mapping[str, Any]) -> ExpectedMarket:
        """Return the market in a row of ``sql/plan/find_expected_markets.sql``, or in a dict by ``as_row``."""
        used_from, used_until = (
            None if row[name] is None else date.fromisoformat(str(row[name])) for name in ("used_from", "used_until")
        )
        return cls(
            source=str(row["source"]),
            symbol=str(row["symbol"]),
            quote_currency=str(row["quote_currency"]),
            candle_interval=str(row["candle_interval"]),
            used_from=used_from,
            used_until=used_until,
        )

    def as_row(self) -> dict[str, str | None]:
        """Return the market for an XCom, with ISO days."""
        return {name: None if value is None else str(value) for name, value in vars(self).items()}


def expected_markets(markets: MarketsByDay, candle_interval: str) -> list[ExpectedMarket]:
    """Return each market once per period in which its exchange used the name without a break.

    Args:
        markets: The markets.
        candle_interval: Length of their candles.
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
    return [
        ExpectedMarket(*names, candle_interval, *period)
        for names, periods in sorted(found.items())
        for period in periods
    ]


def write_expected_markets(
    warehouse: RedshiftDataClient,
    statement: Callable[..., str],
    expected: Sequence[ExpectedMarket],
    *,
    incomplete: Collection[str] | None = None,
) -> None:
    """Write markets to ``crypto.expected_markets``, unless they are there. No reader ever misses a market of the table.

    Args:
        warehouse: The warehouse.
        statement: Renders a file under sql/ with values.
        expected: Some markets of the settings, each with all its periods.
        incomplete: Sources of which other rows are kept; None for all. Otherwise the markets are all of the settings.
    """
    known = map(ExpectedMarket.of_row, warehouse.query(statement("plan/find_expected_markets.sql")))
    changed = list(changed_markets(known, expected, incomplete=incomplete))
    for first in range(0, len(changed), MARKETS_PER_BATCH):
        chunk = changed[first : first + MARKETS_PER_BATCH]
        names, rows = [name for name, _ in chunk], [market for _, periods in chunk for market in periods]
        # An INSERT needs a row.
        files = WRITE_EXPECTED_MARKETS if rows else WRITE_EXPECTED_MARKETS[:-1]
        warehouse.execute_batch([statement(file, names=names, expected=rows) for file in files])


def changed_markets(
    known: Iterable[ExpectedMarket], expected: Iterable[ExpectedMarket], *, incomplete: Collection[str] | None = None
) -> Iterator[tuple[str, Sequence[ExpectedMarket]]]:
    """Yield the name of each market whose rows are not those in the table, with its rows.

    Args:
        known: The rows of the table.
        expected: Some markets of the settings, each with all its periods.
        incomplete: Sources of which other rows are kept; None for all.
    """
    old, new = _by_name(known), _by_name(expected)
    gone = {
        name for name, rows in old.items() if incomplete is not None and rows[0].source not in incomplete
    } - new.keys()
    for name in sorted(new.keys() | gone):
        if sorted(old[name], key=_period) != sorted(new[name], key=_period):
            yield name, new[name]


def _by_name(markets: Iterable[ExpectedMarket]) -> dict[str, list[ExpectedMarket]]:
    found: dict[str, list[ExpectedMarket]] = defaultdict(list)
    for market in markets:
        found[market.name].append(market)
    return found


def _period(market: ExpectedMarket) -> tuple[date, date]:
    return market.used_from or date.min, market.used_until or date.max
