"""The sources by name. A new source is one module here and one line in ``_SOURCES``."""

from __future__ import annotations

from crypto_prices.fetch.errors import FatalSourceError
from crypto_prices.fetch.sources.base import Page, Source, refuse_unclosed
from crypto_prices.fetch.sources.binance import BinanceSource
from crypto_prices.fetch.sources.coinbase import CoinbaseSource
from crypto_prices.fetch.sources.coingecko import CoinGeckoSource

__all__ = ["Page", "Source", "get_source", "known_sources", "refuse_unclosed"]

_SOURCES: dict[str, type[Source]] = {
    source.name: source
    for source in (
        BinanceSource,
        CoinbaseSource,
        CoinGeckoSource,
    )
}


def known_sources() -> list[str]:
    """Return the names of all sources, sorted."""
    return sorted(_SOURCES)


def get_source(name: str, api_url: str | None = None, api_key: str | None = None) -> Source:
    """Return the source of a name.

    Args:
        name: Name of the source, such as ``binance``.
        api_url: Base URL of its API, when it is not the source's own.
        api_key: Secret that the source is asked with, if it takes one.

    Raises:
        FatalSourceError: No source has this name, the URL is not one, or the source takes no key.
    """
    try:
        source = _SOURCES[name]
    except KeyError:
        raise FatalSourceError(
            f"there is no source {name!r}", f"Known sources: {', '.join(known_sources())}. Correct the settings"
        ) from None
    return source(api_url=api_url, api_key=api_key)
