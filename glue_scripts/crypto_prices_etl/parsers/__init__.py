"""The parsers by source. To add one, add a module with a ``PARSER`` here and list it in ``PARSERS``."""

from __future__ import annotations

from crypto_prices_etl.errors import CurationError
from crypto_prices_etl.parsers import binance, bitfinex, bitstamp, coinbase, coingecko
from crypto_prices_etl.parsers.base import SourceParser

PARSERS: dict[str, SourceParser] = {
    "binance": binance.PARSER,
    "bitfinex": bitfinex.PARSER,
    "bitstamp": bitstamp.PARSER,
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
        raise CurationError(
            f"source {source!r} has no parser: use one of {', '.join(sorted(PARSERS))}, or add a parser"
        ) from None
