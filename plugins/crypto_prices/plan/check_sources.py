"""The checks of the settings that need the sources."""

from __future__ import annotations

from crypto_prices.fetch.exchange_markets import named_pairs
from crypto_prices.fetch.sources import get_source
from crypto_prices.settings import Settings


def check_sources(settings: Settings) -> None:
    """Check that the sources exist, and that they support the configured intervals, symbols and API keys.

    It sends no request. Only the exchange knows which markets it has.

    Raises:
        FatalSourceError: A source does not exist, or does not support an interval, a symbol or API keys.
    """
    for name, wanted in settings.sources.items():
        # A placeholder, because only the task that needs the key reads it.
        source = get_source(name, wanted.api_url, "not the key" if wanted.connection_id else None)
        source.interval_length(settings.candle_interval)
        named_pairs(source, wanted.symbols, wanted.markets)
