"""Asks an exchange for base and quote of its markets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from crypto_prices.fetch.errors import MarketSettingsError
from crypto_prices.fetch.http_client import HttpClient, Response
from crypto_prices.fetch.markets import Pair, unlisted
from crypto_prices.fetch.sources.base import Source


@dataclass(frozen=True)
class ExchangeMarkets:
    """Base and quote of some markets of an exchange.

    Attributes:
        pairs: By exchange symbol, in the order of the symbols.
        responses: The exchange's responses that state them.
    """

    pairs: Mapping[str, Pair]
    responses: Sequence[Response]


def stated_pairs(source: Source, symbols: Sequence[str], stated: Mapping[str, str]) -> dict[str, Pair]:
    """Return the pairs that are known without a request: those in the settings, and those that a symbol is.

    Args:
        source: The source.
        symbols: The exchange symbols.
        stated: By exchange symbol, base and quote from the settings, such as ``BCC/USDT``.

    Raises:
        FatalSourceError: A symbol is invalid.
        MarketSettingsError: A symbol is unknown.
    """
    found: dict[str, Pair] = {}
    for symbol in symbols:
        source.checked_symbol(symbol)
        pair = Pair.parse(stated[symbol]) if symbol in stated else source.pair_of(symbol)
        if pair is not None:
            found[symbol] = pair
    return found


def ask_markets(
    source: Source, client: HttpClient, symbols: Sequence[str], stated: Mapping[str, str]
) -> ExchangeMarkets:
    """Return base and quote of markets, from the exchange unless they are known without a request.

    Args:
        source: The source.
        client: Sends the requests.
        symbols: The exchange symbols.
        stated: By exchange symbol, base and quote from the settings, such as ``BCC/USDT``.

    Raises:
        MarketSettingsError: The exchange does not list a symbol, or the settings contradict it.
        FatalSourceError: A symbol is invalid, or the response has an unknown format.
        RetryableSourceError: The exchange sent no usable response.
    """
    known = stated_pairs(source, symbols, stated)
    asked = [symbol for symbol in symbols if symbol not in known]
    listed: dict[str, Pair] = {}
    responses: list[Response] = []
    if asked:
        for listing in source.fetch_listings(client, asked):
            responses.append(listing.response)
            listed |= listing.pairs
    unknown = [symbol for symbol in asked if symbol not in listed]
    if unknown:
        raise unlisted(source.name, unknown)
    for symbol, pair in known.items():
        if listed.get(symbol, pair) != pair:
            raise MarketSettingsError(
                f"the settings state that {symbol} of {source.name} is {pair}, but the exchange lists it as "
                f"{listed[symbol]}",
                f"Remove {symbol} from markets in the settings of {source.name}",
            )
    return ExchangeMarkets({symbol: known.get(symbol) or listed[symbol] for symbol in symbols}, responses)
