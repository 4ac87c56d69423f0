"""Which markets are loaded and from which candles: the options that the programs of this machine share."""

from __future__ import annotations

import argparse
import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path

FIRST_DAY = date(2017, 8, 17)
"""The first day that the daily DAG loads (its start_date): that of Binance's first candles."""

DEFAULT_SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT", "DOGEUSDT")


@dataclass(frozen=True)
class Markets:
    """What the local exchange serves.

    Attributes:
        symbols: Exchange symbols to load.
        market_data: Folder of recorded candles; None for generated ones.
    """

    symbols: list[str]
    market_data: Path | None


def add_options(parser: argparse.ArgumentParser) -> None:
    """Give a program the options ``--symbols`` and ``--market-data``."""
    parser.add_argument("--symbols", metavar="A,B,…", help=f"markets (default: {','.join(DEFAULT_SYMBOLS)})")
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
    symbols = [symbol for symbol in re.split(r"[,\s]+", given.symbols or "") if symbol]
    if given.symbols and not symbols:
        parser.error(f"SYMBOLS={given.symbols} names no market: write them as BTCUSDT,ETHUSDT")
    for symbol in symbols:
        if not re.fullmatch(r"[A-Z0-9]{2,20}", symbol):
            parser.error(f"SYMBOLS: {symbol!r} is no exchange symbol: write them as BTCUSDT,ETHUSDT")
    return Markets(
        symbols=list(dict.fromkeys(symbols)) or recorded or list(DEFAULT_SYMBOLS),
        market_data=given.market_data.resolve() if given.market_data else None,
    )
