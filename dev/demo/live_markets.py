"""Asks the real exchanges for the chosen markets before anything starts, as ``resolve_window`` does later."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from crypto_prices.fetch.errors import MarketSettingsError, SourceError
from crypto_prices.fetch.exchange_markets import ask_markets
from crypto_prices.fetch.http_client import HttpClient
from crypto_prices.fetch.request_budget import RequestBudget
from crypto_prices.fetch.request_retry_policy import RequestRetryPolicy
from crypto_prices.fetch.sources import get_source

_POLICY = RequestRetryPolicy(max_attempts=3, deadline_seconds=20, max_retry_after_seconds=10)


class LiveMarketError(Exception):
    """An exchange does not list a market, or does not respond; the message has the reason."""


def require_live_markets(
    symbols: Mapping[str, Sequence[str]], *, api_urls: Mapping[str, str] = MappingProxyType({})
) -> None:
    """Ask each exchange whether it lists the markets. CoinGecko's are known without a request.

    Args:
        symbols: The exchange symbols, by source.
        api_urls: Base URLs other than the public ones, by source.

    Raises:
        LiveMarketError: An exchange does not list a market, or does not respond.
    """
    for name, listed in symbols.items():
        source = get_source(name, api_urls.get(name))
        # As in crypto_prices.fetch.source_client, which imports Airflow.
        with HttpClient(
            budget=RequestBudget(source.requests_per_second),
            pause_seconds=source.pause_seconds,
            error_rules=source.error_rules,
            retry_policy=_POLICY,
        ) as client:
            try:
                ask_markets(source, client, listed, {})
            except MarketSettingsError as error:
                raise LiveMarketError(f"SYMBOLS: {error.problem}. Use the exchange's names of its markets") from error
            except SourceError as error:
                raise LiveMarketError(f"the markets of {name} cannot be checked: {error}") from error
