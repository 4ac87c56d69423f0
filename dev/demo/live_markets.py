"""Asks the real exchanges for the chosen markets before anything starts, because an unknown one would fail late."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from types import MappingProxyType

from crypto_prices.fetch.errors import SourceError
from crypto_prices.fetch.http_client import HttpClient
from crypto_prices.fetch.request_retry_policy import RequestRetryPolicy
from crypto_prices.fetch.sources import get_source
from crypto_prices_contract.window import Window

_POLICY = RequestRetryPolicy(max_attempts=3, deadline_seconds=20, max_retry_after_seconds=10)
_INTERVAL = "1h"  # that of local_platform.provision


class LiveMarketError(Exception):
    """An exchange does not serve a market; the message has the exchange's reason."""


def require_live_markets(
    symbols: Mapping[str, Sequence[str]], day: date, *, api_urls: Mapping[str, str] = MappingProxyType({})
) -> None:
    """Request the first page of every market.

    Args:
        symbols: The exchange symbols, by source.
        day: The UTC day.
        api_urls: Base URLs other than the public ones, by source.

    Raises:
        LiveMarketError: An exchange rejects a market, or does not respond.
    """
    for name, listed in symbols.items():
        source = get_source(name, api_urls.get(name))
        with HttpClient(retry_policy=_POLICY) as client:
            for symbol in listed:
                try:
                    next(source.fetch_pages(client, symbol, Window.of_day(day), _INTERVAL), None)
                except SourceError as error:
                    raise LiveMarketError(f"SYMBOLS: {symbol} of {name}: {error}") from error
