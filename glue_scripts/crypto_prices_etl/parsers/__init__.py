"""One parser per source. A new source is one module here with a ``PARSER``, named in ``PARSERS``."""

from __future__ import annotations

from crypto_prices_etl.errors import CurationError
from crypto_prices_etl.parsers import binance, coinbase, coingecko
from crypto_prices_etl.parsers.base import SourceParser

PARSERS: dict[str, SourceParser] = {
    "binance": binance.PARSER,
    "coinbase": coinbase.PARSER,
    "coingecko": coingecko.PARSER,
}


def parser_of(source: str) -> SourceParser:
    """Return the parser of a source.

    Raises:
        CurationError: No parser is registered for the source.
    """
    try:
        return PARSERS[source]
    except KeyError:
        raise CurationError(f"no parser for source {source!r}; there are {', '.join(sorted(PARSERS))}") from None
