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


def named_pairs(source: Source, symbols: Sequence[str], stated: Mapping[str, str]) -> dict[str, Pair]:
    """Return the pairs that the symbols themselves name. Check stated ones as far as possible without a request.

    Args:
        source: The source.
        symbols: The exchange symbols.
        stated: By exchange symbol, base and quote from the settings, such as ``BCC/USDT``.

    Raises:
        FatalSourceError: A symbol is invalid.
        MarketSettingsError: A symbol is unknown and not stated, or a stated pair cannot be right.
    """
    found: dict[str, Pair] = {}
    refusals: list[MarketSettingsError] = []
    for symbol in symbols:
        source.checked_symbol(symbol)
        if symbol in stated:
            quote = Pair.parse(stated[symbol]).quote
            if source.only_quote not in (None, quote):
                raise MarketSettingsError(
                    f"the settings state that {symbol} of {source.name} is {stated[symbol]}, but all prices of "
                    f"{source.name} are in {source.only_quote}",
                    f"Correct {symbol} in markets in the settings of {source.name}",
                )
        try:
            pair = source.pair_of(symbol)
        except MarketSettingsError as error:
            refusals += [] if symbol in stated else [error]
            continue
        if pair is not None:
            found[symbol] = pair
    if refusals:
        raise MarketSettingsError("; ".join(error.problem for error in refusals[:20]), refusals[0].advice)
    _refuse_contradictions(source, found, stated)
    return found


def ask_markets(
    source: Source, client: HttpClient, symbols: Sequence[str], stated: Mapping[str, str]
) -> ExchangeMarkets:
    """Return base and quote of markets, from the exchange unless the symbols name them.

    The exchange is also asked for stated markets. The statement counts only if the exchange does not list the market.

    Args:
        source: The source.
        client: Sends the requests.
        symbols: The exchange symbols.
        stated: By exchange symbol, base and quote from the settings, such as ``BCC/USDT``.

    Raises:
        MarketSettingsError: The exchange does not list a symbol that is not stated, or the settings contradict it.
        FatalSourceError: A symbol is invalid, or the response has an unknown format.
        RetryableSourceError: The exchange sent no usable response.
    """
    found = named_pairs(source, symbols, stated)
    # Stated markets come last. They may be unlisted, and then Binance refuses the other markets of the same request.
    asked = sorted((symbol for symbol in symbols if symbol not in found), key=lambda symbol: symbol in stated)
    responses: list[Response] = []
    if asked:
        wanted = set(asked)
        for listing in source.fetch_listings(client, asked):
            responses.append(listing.response)
            found |= {symbol: pair for symbol, pair in listing.pairs.items() if symbol in wanted}
    _refuse_contradictions(source, found, stated)
    pairs = {symbol: Pair.parse(stated[symbol]) for symbol in symbols if symbol in stated} | found
    unknown = [symbol for symbol in symbols if symbol not in pairs]
    if unknown:
        raise unlisted(source.name, unknown)
    return ExchangeMarkets({symbol: pairs[symbol] for symbol in symbols}, responses)


def _refuse_contradictions(source: Source, found: Mapping[str, Pair], stated: Mapping[str, str]) -> None:
    for symbol, pair in found.items():
        if symbol in stated and Pair.parse(stated[symbol]) != pair:
            raise MarketSettingsError(
                f"the settings state that {symbol} of {source.name} is {stated[symbol]}, but {source.name} lists it as "
                f"{pair}",
                f"Remove {symbol} from markets in the settings of {source.name}",
            )
