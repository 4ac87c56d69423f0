"""Asks the exchanges for the markets of a plan, which compares them with what is loaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from crypto_prices.fetch.exchange_markets import ask_markets
from crypto_prices.fetch.markets import MarketsByDay
from crypto_prices.fetch.source_client import asking_source, client_of
from crypto_prices.settings import Settings


def ask_exchanges(settings: Settings, symbols: Mapping[str, Sequence[str]]) -> MarketsByDay:
    """Return the markets of exchange symbols.

    Args:
        settings: The bundle's settings.
        symbols: Exchange symbols by source.

    Raises:
        FatalSourceError: An exchange does not list a symbol, or its response has an unknown format.
        RetryableSourceError: An exchange sent no usable response.
    """
    pairs = {}
    for name, listed in symbols.items():
        of_source = settings.sources[name]
        source = asking_source(name, of_source, listed)
        with client_of(source, of_source) as client:
            pairs[name] = ask_markets(source, client, listed, of_source.markets).pairs
    return MarketsByDay(pairs)
