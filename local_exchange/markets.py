"""Base and quote of the book's markets, which the exchange APIs state."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path

MARKETS_FILE = "markets.csv"
_COLUMNS = ["symbol", "base", "quote"]
_USUAL_QUOTE = "USDT"
_OTHERS: Mapping[str, tuple[str, str]] = {
    "ETHBTC": ("ETH", "BTC"),
    "BNBETH": ("BNB", "ETH"),
    "BTCUSDC": ("BTC", "USDC"),
    "ETHUSDC": ("ETH", "USDC"),
    "USDTUSD": ("USDT", "USD"),
    "USDCUSD": ("USDC", "USD"),
}

DOLLAR = "USD"
STABLECOINS = ("USDT", "USDC")


class UnknownPairError(Exception):
    """Base and quote of a market are unknown; the message contains the market and what to do."""


def pairs_of(symbols: Iterable[str], stated: Mapping[str, tuple[str, str]]) -> dict[str, tuple[str, str]]:
    """Return base and quote by market.

    No other currency of Binance ends with USDT, so a market that does is priced in it.

    Args:
        symbols: The markets, with Binance's names.
        stated: The pairs in ``markets.csv``.

    Raises:
        UnknownPairError: A market is in neither table and does not end with USDT.
    """
    found = {}
    for symbol in symbols:
        if symbol in stated:
            found[symbol] = stated[symbol]
        elif symbol in _OTHERS:
            found[symbol] = _OTHERS[symbol]
        elif symbol.endswith(_USUAL_QUOTE) and symbol != _USUAL_QUOTE:
            found[symbol] = (symbol.removesuffix(_USUAL_QUOTE), _USUAL_QUOTE)
        else:
            raise UnknownPairError(
                f"base and quote of {symbol} are unknown: add a line such as {symbol},BNB,USD to {MARKETS_FILE} in the "
                f"folder of the recorded candles; its first line is {','.join(_COLUMNS)}"
            )
    return found


def read_pairs(file: Path) -> dict[str, tuple[str, str]]:
    """Return base and quote by market from a file; nothing if it does not exist.

    Raises:
        UnknownPairError: The file has other columns, or a line lacks a value.
    """
    if not file.exists():
        return {}
    with file.open(encoding="utf-8", newline="") as lines:
        reader = csv.reader(lines)
        if next(reader, None) != _COLUMNS:
            raise UnknownPairError(f"{file}: the first line must be {','.join(_COLUMNS)}")
        found = {}
        for values in reader:
            if len(values) != len(_COLUMNS) or not all(values):
                raise UnknownPairError(f"{file}, line {reader.line_num}: expected {','.join(_COLUMNS)}, found {values}")
            found[values[0]] = (values[1], values[2])
    return found


def binance_markets(pairs: Mapping[str, tuple[str, str]]) -> dict[str, tuple[str, str]]:
    """Return the book's markets that Binance has: all but the stablecoins in US dollars.

    Args:
        pairs: Base and quote by market of the book.
    """
    return {
        symbol: (base, quote) for symbol, (base, quote) in pairs.items() if base not in STABLECOINS or quote != DOLLAR
    }


def dollar_markets(pairs: Mapping[str, tuple[str, str]]) -> dict[tuple[str, str], str]:
    """Return the markets of an exchange with US dollars, each with the book's market that has its values.

    An asset has the same values in US dollars as in USDT. A stablecoin in US dollars is a market of its own.

    Args:
        pairs: Base and quote by market of the book.

    Returns:
        The book's market by base and quote.
    """
    found = {}
    for symbol, (base, quote) in pairs.items():
        if quote in STABLECOINS or (base in STABLECOINS and quote == DOLLAR):
            found[base, quote] = symbol
        if quote == _USUAL_QUOTE and base not in STABLECOINS:
            found[base, DOLLAR] = symbol
    return found
