"""The sources by name. To add one, add a module here and a line in ``_SOURCES``."""

from __future__ import annotations

from crypto_prices.fetch.errors import FatalSourceError
from crypto_prices.fetch.sources.base import Listing, Page, Source, refuse_unclosed
from crypto_prices.fetch.sources.binance import BinanceSource
from crypto_prices.fetch.sources.bitfinex import BitfinexSource
from crypto_prices.fetch.sources.bitstamp import BitstampSource
from crypto_prices.fetch.sources.coinbase import CoinbaseSource
from crypto_prices.fetch.sources.coingecko import CoinGeckoSource

__all__ = ["Listing", "Page", "Source", "get_source", "known_sources", "refuse_unclosed", "source_kinds"]

_SOURCES: dict[str, type[Source]] = {
    source.name: source
    for source in (
        BinanceSource,
        BitfinexSource,
        BitstampSource,
        CoinbaseSource,
        CoinGeckoSource,
    )
}


def known_sources() -> list[str]:
    """Return the names of all sources, sorted."""
    return sorted(_SOURCES)


def source_kinds() -> dict[str, str]:
    """Return each source's kind, ``exchange`` or ``aggregator``, by name."""
    return {name: "aggregator" if _SOURCES[name].is_aggregator else "exchange" for name in known_sources()}


def get_source(name: str, api_url: str | None = None, api_key: str | None = None) -> Source:
    """Return the source with this name.

    Args:
        name: Name of the source, such as ``binance``.
        api_url: Base URL of its API; None for the source's default.
        api_key: API key of the requests; None for requests without one.

    Raises:
        FatalSourceError: The name is unknown, the URL is invalid, or the source does not accept API keys.
    """
    try:
        source = _SOURCES[name]
    except KeyError:
        raise FatalSourceError(
            f"source {name!r} does not exist", f"Known sources: {', '.join(known_sources())}. Correct the settings"
        ) from None
    return source(api_url=api_url, api_key=api_key)
