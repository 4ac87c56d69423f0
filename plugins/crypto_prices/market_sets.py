"""Market sets: the lists of markets that loads request, each written once to ``crypto.market_sets``.

Statements name a set instead of listing its markets. So their size does not depend on the number of markets. The Data
API accepts at most 100 KB per statement:
https://docs.aws.amazon.com/redshift/latest/mgmt/data-api.html#data-api-calling-considerations
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

MARKETS_PER_STATEMENT = 200
"""Rows per insert. The longest row has about 200 bytes."""


class UnknownMarketSetError(LookupError):
    """``crypto.market_sets`` lacks a set that a load names."""


def market_set_name(markets: Iterable[str]) -> str:
    """Return the name of a set: the SHA-256 of its sorted markets. Equal sets have equal names."""
    return hashlib.sha256("\n".join(sorted(set(markets))).encode()).hexdigest()


def market_chunks(markets: Iterable[str]) -> Iterator[Sequence[tuple[str, str]]]:
    """Yield a set's markets, as pairs of symbol and quote currency, in chunks for one insert each."""
    pairs = [(symbol, quote) for symbol, _, quote in (market.partition("/") for market in sorted(set(markets)))]
    for first in range(0, len(pairs), MARKETS_PER_STATEMENT):
        yield pairs[first : first + MARKETS_PER_STATEMENT]


class MarketSets:
    """The markets of the sets that loads name.

    Args:
        rows: Rows of ``sql/shared/find_market_sets.jinja``: ``market_set`` and ``market``.
    """

    def __init__(self, rows: Iterable[Mapping[str, Any]] = ()) -> None:
        found: dict[str, set[str]] = defaultdict(set)
        for row in rows:
            found[str(row["market_set"])].add(str(row["market"]))
        self._markets = {name: frozenset(markets) for name, markets in found.items()}

    def __contains__(self, name: str) -> bool:
        return name in self._markets

    def of_load(self, load: Mapping[str, Any]) -> frozenset[str]:
        """Return the markets that a load requested.

        Args:
            load: A row with ``batch_id``, ``source`` and ``market_set``.

        Raises:
            UnknownMarketSetError: The set has no markets.
        """
        name = str(load["market_set"])
        if name not in self._markets:
            raise UnknownMarketSetError(
                f"crypto.market_sets lacks the set {name} of load {load['batch_id']} of {load['source']}. The task "
                "retries, because the load may just have been replaced. If it fails again, clear plan_load of the "
                "load's run with its downstream tasks, which writes the set again"
            )
        return self._markets[name]
