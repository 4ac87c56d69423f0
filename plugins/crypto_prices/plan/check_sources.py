"""The checks of the settings that only the sources can make."""

from __future__ import annotations

from crypto_prices.fetch.sources import get_source
from crypto_prices.settings import Settings


def check_sources(settings: Settings) -> None:
    """Check what only the sources themselves know: their names, intervals, markets, and whether they take a key.

    Raises:
        FatalSourceError: The source does not exist, it has no such interval or market, or it takes no key.
    """
    for name, wanted in settings.sources.items():
        # Not the key itself, which only the task that needs it reads.
        source = get_source(name, wanted.api_url, "not the key" if wanted.connection_id else None)
        source.interval_length(settings.candle_interval)
        source.markets(wanted.symbols)
