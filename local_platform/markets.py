"""The markets to load and their candles: the options that the developer commands share."""

from __future__ import annotations

import argparse
import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from crypto_prices.fetch.errors import FatalSourceError
from crypto_prices.fetch.sources import get_source, known_sources

from local_exchange import bitfinex, bitstamp, coinbase
from local_exchange.candles import MarketDataError, RecordedCandles
from local_exchange.coingecko import COINS
from local_exchange.server import served_markets

FIRST_DAY = date(2017, 8, 17)
"""The daily DAG's start_date, which is the day of Binance's first candles."""

DEFAULT_SOURCES = ("binance",)
DEFAULT_SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT", "DOGEUSDT")
"""The markets of the local exchange, with Binance's names. The other sources have the same assets in US dollars."""

_QUOTE = "USDT"
_MARKET_OF: Mapping[str, Callable[[str], str]] = {
    "bitfinex": bitfinex.market_of,
    "bitstamp": bitstamp.market_of,
    "coinbase": coinbase.market_of,
}
"""The name of an asset's market in US dollars, for the sources that have one."""

_EXAMPLES = "BTCUSDT (binance), tBTCUSD (bitfinex), btcusd (bitstamp), BTC-USD (coinbase) or bitcoin (coingecko)"


@dataclass(frozen=True)
class Markets:
    """The markets to load and their candles.

    Attributes:
        symbols: Exchange symbols to load, by source.
        market_data: Folder with recorded candles; None generates candles.
    """

    symbols: Mapping[str, Sequence[str]]
    market_data: Path | None


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options ``--sources``, ``--symbols`` and ``--market-data`` to a parser."""
    parser.add_argument(
        "--sources",
        metavar="A,B,…",
        help=f"some of {', '.join(known_sources())} (default: {','.join(DEFAULT_SOURCES)}, or by symbol)",
    )
    parser.add_argument(
        "--symbols",
        metavar="A,B,…",
        help=f"markets, with the exchange's names: BTCUSDT, BTC-USD, bitcoin (default: {','.join(DEFAULT_SYMBOLS)})",
    )
    parser.add_argument("--market-data", metavar="FOLDER", type=Path, help="serve recorded candles (SYMBOL.csv.gz)")


def chosen_markets(parser: argparse.ArgumentParser, given: argparse.Namespace, *, live: bool = False) -> Markets:
    """Return the chosen markets; exit with a message if an option is invalid.

    Args:
        parser: The command's parser.
        given: The values of the options.
        live: Whether the real exchanges serve the markets, so that it is not known here which ones exist.
    """
    recorded: list[str] = []
    if given.market_data:
        if not given.market_data.is_dir():
            parser.error(f"MARKET_DATA={given.market_data} is not a folder")
        recorded = sorted(path.name.removesuffix(".csv.gz") for path in given.market_data.rglob("*.csv.gz"))
        if not recorded:
            parser.error(f"MARKET_DATA={given.market_data} has no SYMBOL.csv.gz file")
    sources = _listed(parser, "SOURCES", given.sources, "sources: write them as binance,coinbase")
    unknown = sorted(set(sources) - set(known_sources()))
    if unknown:
        parser.error(f"SOURCES: unknown {', '.join(unknown)}; known sources are {', '.join(known_sources())}")
    symbols = _listed(parser, "SYMBOLS", given.symbols, "market: write them as BTCUSDT,ETHUSDT")
    by_source = (
        _by_source(parser, sources, symbols)
        if symbols
        else {source: _symbols_of(source, recorded or DEFAULT_SYMBOLS) for source in sources or DEFAULT_SOURCES}
    )
    if not live:
        _require_served(parser, by_source, given.market_data)
    return Markets(symbols=by_source, market_data=given.market_data.resolve() if given.market_data else None)


def _require_served(
    parser: argparse.ArgumentParser, by_source: Mapping[str, Sequence[str]], market_data: Path | None
) -> None:
    """Refuse markets that the local exchange does not have, and damaged recordings, before anything starts."""
    try:
        served = served_markets(market_data)
    except MarketDataError as error:
        parser.error(f"MARKET_DATA={market_data}: {error}")
    for source, symbols in by_source.items():
        if source not in served:
            parser.error(
                f"SOURCES: the local exchange does not have the API of {source}. make demo LIVE=1 loads the markets of "
                "the real exchange."
            )
        known = sorted(served[source])
        for symbol in symbols:
            if symbol in known:
                continue
            place = f"MARKET_DATA={market_data}" if market_data else "the local exchange"
            similar = difflib.get_close_matches(symbol, known, n=3, cutoff=0.8)
            hint = f"Did you mean {' or '.join(similar)}?" if similar else f"It has {', '.join(known)}."
            parser.error(
                f"SYMBOLS: {place} has no market {symbol} of {source}. {hint} make demo LIVE=1 loads the markets of "
                "the real exchange."
            )
    if market_data:
        try:
            recorded = RecordedCandles(market_data)
            recorded.check(
                name
                for name in sorted(recorded.symbols)
                if any(set(_symbols_of(source, [name])) & set(symbols) for source, symbols in by_source.items())
            )
        except MarketDataError as error:
            parser.error(f"MARKET_DATA={market_data}: {error}")


def _listed(parser: argparse.ArgumentParser, name: str, text: str | None, what: str) -> list[str]:
    found = [item for item in re.split(r"[,\s]+", text or "") if item]
    if text and not found:
        parser.error(f"{name}={text} has no {what}")
    return list(dict.fromkeys(found))


def _by_source(parser: argparse.ArgumentParser, sources: Sequence[str], symbols: Sequence[str]) -> dict[str, list[str]]:
    """Assign each symbol to the source whose naming it follows. The naming differs between sources."""
    chosen: dict[str, list[str]] = {source: [] for source in sources}
    for symbol in symbols:
        owners = _owners(sources or known_sources(), symbol)
        if not owners:
            parser.error(
                f"SYMBOLS: {symbol!r} is not a symbol of {' or '.join(sources or known_sources())}: use the "
                f"exchange's name, such as {_EXAMPLES}"
            )
        for source in owners:
            chosen.setdefault(source, []).append(symbol)
    empty = [source for source, listed in chosen.items() if not listed]
    if empty:
        parser.error(
            f"SYMBOLS has no market of {', '.join(empty)}: add one, such as {_EXAMPLES}, or leave the source out of "
            "SOURCES"
        )
    return chosen


def _owners(sources: Sequence[str], symbol: str) -> list[str]:
    """Return the sources whose naming a symbol follows: those that know it, or else those that must ask for it."""
    known: list[str] = []
    possible: list[str] = []
    for name in sources:
        source = get_source(name)
        try:
            pair = source.pair_of(source.checked_symbol(symbol))
        except FatalSourceError:
            continue
        (possible if pair is None else known).append(name)
    return known or possible


def _symbols_of(source: str, names: Sequence[str]) -> list[str]:
    """Return a source's names of the local exchange's markets, without markets that the source does not have."""
    if source == "coingecko":
        ids = {coin.symbol: coin_id for coin_id, coin in COINS.items()}
        return [ids[name] for name in names if name in ids]
    if source in _MARKET_OF:
        return [_MARKET_OF[source](name.removesuffix(_QUOTE)) for name in names if name.endswith(_QUOTE)]
    return list(names)
