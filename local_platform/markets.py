"""Which markets are loaded and from which candles: the options that the programs of this machine share."""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from crypto_prices.fetch.errors import FatalSourceError
from crypto_prices.fetch.sources import get_source, known_sources

from local_exchange.coingecko import COINS

FIRST_DAY = date(2017, 8, 17)
"""The first day that the daily DAG loads (its start_date): that of Binance's first candles."""

DEFAULT_SOURCES = ("binance",)
DEFAULT_SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT", "DOGEUSDT")
"""The markets of the local exchange, as Binance calls them; the other sources have the same assets in US dollars."""

_QUOTE = "USDT"


@dataclass(frozen=True)
class Markets:
    """What the local exchange serves.

    Attributes:
        symbols: Exchange symbols to load, by source.
        market_data: Folder of recorded candles; None for generated ones.
    """

    symbols: Mapping[str, Sequence[str]]
    market_data: Path | None


def add_options(parser: argparse.ArgumentParser) -> None:
    """Give a program the options ``--sources``, ``--symbols`` and ``--market-data``."""
    parser.add_argument(
        "--sources",
        metavar="A,B,…",
        help=f"of {', '.join(known_sources())} (default: {','.join(DEFAULT_SOURCES)}, or those of the symbols)",
    )
    parser.add_argument(
        "--symbols",
        metavar="A,B,…",
        help=f"markets, as the exchange calls them: BTCUSDT, BTC-USD, bitcoin (default: {','.join(DEFAULT_SYMBOLS)})",
    )
    parser.add_argument("--market-data", metavar="FOLDER", type=Path, help="serve recorded candles (SYMBOL.csv.gz)")


def chosen_markets(parser: argparse.ArgumentParser, given: argparse.Namespace) -> Markets:
    """Return what was chosen; ends the program with a message when it cannot be used."""
    recorded: list[str] = []
    if given.market_data:
        if not given.market_data.is_dir():
            parser.error(f"MARKET_DATA={given.market_data} is not a folder")
        recorded = sorted(path.name.removesuffix(".csv.gz") for path in given.market_data.rglob("*.csv.gz"))
        if not recorded:
            parser.error(f"MARKET_DATA={given.market_data} holds no SYMBOL.csv.gz file")
    sources = _listed(parser, "SOURCES", given.sources, "sources: write them as binance,coinbase")
    unknown = sorted(set(sources) - set(known_sources()))
    if unknown:
        parser.error(f"SOURCES: there is no {', '.join(unknown)}; there are {', '.join(known_sources())}")
    symbols = _listed(parser, "SYMBOLS", given.symbols, "market: write them as BTCUSDT,ETHUSDT")
    return Markets(
        symbols=_by_source(parser, sources, symbols)
        if symbols
        else {source: _symbols_of(source, recorded or DEFAULT_SYMBOLS) for source in sources or DEFAULT_SOURCES},
        market_data=given.market_data.resolve() if given.market_data else None,
    )


def _listed(parser: argparse.ArgumentParser, name: str, text: str | None, what: str) -> list[str]:
    found = [item for item in re.split(r"[,\s]+", text or "") if item]
    if text and not found:
        parser.error(f"{name}={text} names no {what}")
    return list(dict.fromkeys(found))


def _by_source(parser: argparse.ArgumentParser, sources: Sequence[str], symbols: Sequence[str]) -> dict[str, list[str]]:
    """Give each symbol to the source that calls a market so: the names of the sources do not look alike."""
    chosen: dict[str, list[str]] = {source: [] for source in sources}
    for symbol in symbols:
        owners = [source for source in sources or known_sources() if _is_market(source, symbol)]
        if not owners:
            parser.error(
                f"SYMBOLS: {symbol!r} is no exchange symbol of {' or '.join(sources or known_sources())}: write it "
                "as its exchange does, BTCUSDT (binance), BTC-USD (coinbase) or bitcoin (coingecko)"
            )
        for source in owners:
            chosen.setdefault(source, []).append(symbol)
    empty = [source for source, listed in chosen.items() if not listed]
    if empty:
        parser.error(f"SYMBOLS names no market of {', '.join(empty)}")
    return chosen


def _is_market(source: str, symbol: str) -> bool:
    try:
        get_source(source).market(symbol)
    except FatalSourceError:
        return False
    return True


def _symbols_of(source: str, names: Sequence[str]) -> list[str]:
    """Return what a source calls the markets of the local exchange, of those that it has."""
    match source:
        case "coinbase":
            return [f"{name.removesuffix(_QUOTE)}-USD" for name in names if name.endswith(_QUOTE)]
        case "coingecko":
            ids = {coin.symbol: coin_id for coin_id, coin in COINS.items()}
            return [ids[name] for name in names if name in ids]
        case _:
            return list(names)
