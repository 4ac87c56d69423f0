"""The checks of the settings that need the sources."""

from __future__ import annotations

from crypto_prices.fetch.sources import get_source
from crypto_prices.settings import Settings


def check_sources(settings: Settings) -> None:
    """Check that the sources exist, and that they support the configured intervals, markets and API keys.

    Raises:
        FatalSourceError: A source does not exist, or does not support an interval, a market or API keys.
    """
    for name, wanted in settings.sources.items():
        # A placeholder, because only the task that needs the key reads it.
        source = get_source(name, wanted.api_url, "not the key" if wanted.connection_id else None)
        source.interval_length(settings.candle_interval)
        source.markets(wanted.symbols)
