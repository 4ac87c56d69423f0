"""Bitfinex's API: ``GET /v2/candles/trade:{interval}:{market}/hist`` and ``/v2/conf/{lists}``.

Source of the rules: https://docs.bitfinex.com/reference/rest-public-candles (times in milliseconds, the columns, both
ends of the range included, newest first unless ``sort`` is 1, 100 candles by default, at most 10 000),
https://docs.bitfinex.com/reference/rest-public-conf (the lists of pairs and currencies, several in one request),
https://docs.bitfinex.com/docs/rest-general (symbols), https://docs.bitfinex.com/docs/abbreviations-glossary (codes),
bitfinexcom/bitfinex-api-py#198 (an interval without a trade has no candle), ccxt/ccxt#6384 (a reached rate limit has
status 429 and code 11010) and scrtlabs/catalyst#477 (a wrong parameter has status 500 and code 10020, such as "limit:
invalid"). Unconfirmed: the messages for an invalid start, end, sort and interval, and for failures, and
the error of an unknown market, which is that of the ticker and the order book: clients have also got ``[]`` for it
(bitfinexcom/bitfinex-api-node#210). ``/last``, funding currencies and other lists are not supported.

A market ``tXXXUSD`` has the values of the book's market ``XXXUSDT``, written as JSON numbers with the book's digits.
``tXXXUST`` has the same ones. Generated prices are slightly above Binance's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any, ClassVar

from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Request

from local_exchange.api import Api, ApiError, JsonNumber, Page, RowShape, Source
from local_exchange.candles import (
    CLOSE,
    HIGH,
    INTERVALS,
    LOW,
    OPEN,
    VOLUME,
    CandleBook,
    Premium,
    Row,
    UnknownIntervalError,
    open_time,
)
from local_exchange.markets import DOLLAR, dollar_markets

MAX_ROWS = 10_000
"""Maximum number of candles in a response."""

ROW_SHAPE = RowShape(times=(0,), price=2, names=("mts", "close"), high=3)

_DEFAULT_ROWS = 100
_INTERVALS: Mapping[str, str] = {
    **{name: name for name in ("1m", "5m", "15m", "30m", "1h", "6h", "12h")},
    "1D": "1d",
    "1W": "1w",
}
"""The book's intervals by Bitfinex's name. The book does not have 3 hours and 14 days. Months are not supported."""

_SHORT = 3  # letters of the currencies in a pair without a colon
_OWN_NAMES: Mapping[str, str] = {"USDT": "UST", "USDC": "UDC", "ATOM": "ATO"}
_OTHERS = frozenset({("BTC", "USDT"), ("ETH", "USDT"), ("USDC", "USDT")})
"""Base and quote of the markets that are not in US dollars."""

_MOST_DIGITS = 20
_WRONG_PARAMETER = 10020


class Bitfinex(Api):
    """Candles of Bitfinex's exchange pairs; arguments as for ``Api``."""

    source: ClassVar[Source] = Source.BITFINEX
    candles_path: ClassVar[str] = "/v2/candles/<key>/hist"
    empty_page: ClassVar[Page] = Page(([],), ROW_SHAPE)
    premium: ClassVar[Premium | None] = Premium(source, above=True)

    @property
    def documents(self) -> Mapping[str, Callable[[Request], Any]]:
        """``conf``, with the lists that the path names, separated by commas."""
        return {"/v2/conf/<labels>": self._lists}

    def _lists(self, request: Request) -> list[list[str]]:
        pairs = listed(self._book)
        lists = {
            "pub:list:pair:exchange": sorted(market.removeprefix("t") for market in pairs),
            "pub:list:currency": sorted({name for base, quote, _ in pairs.values() for name in (base, quote)}),
        }
        labels = request.path.rpartition("/")[2].split(",")
        if not set(labels) <= set(lists):
            raise self._wrong("config")
        return [lists[label] for label in labels]

    @staticmethod
    def markets(book: CandleBook) -> frozenset[str]:
        """Return the markets in US dollars and a few in USDT; see ``Api.markets``."""
        return frozenset(listed(book))

    def symbol(self, request: Request, path: Mapping[str, str]) -> str | None:
        """Return the requested market; see ``Api.symbol``."""
        return path["key"].split(":", 2)[-1]

    def page(self, request: Request, path: Mapping[str, str]) -> Page:
        """Return the requested candles, newest first unless ``sort`` is 1; see ``Api.page``."""
        args = request.args
        kind, _, rest = path["key"].partition(":")
        name, _, market = rest.partition(":")
        if kind != "trade" or name not in _INTERVALS:
            raise self._wrong("key")
        if market not in listed(self._book):
            raise self.unknown_symbol()
        limit = self._whole_number(args, "limit")
        if limit is not None and not 1 <= limit <= MAX_ROWS:
            raise self._wrong("limit")
        if args.get("sort", "-1") not in ("1", "-1"):
            raise self._wrong("sort")
        oldest_first = args.get("sort") == "1"
        start, end = self._whole_number(args, "start") or 0, self._whole_number(args, "end")
        *_, symbol = listed(self._book)[market]
        interval = INTERVALS[_INTERVALS[name]]
        most = limit or _DEFAULT_ROWS
        try:
            # Candles without a trade do not count for the limit, so it may take more of them.
            for size in (most, MAX_ROWS):
                rows = self._candles(
                    symbol, interval.name, start_ms=start if oldest_first else None, end_ms=end, limit=size
                )
                candles = [_candle(row) for row in rows if open_time(row) >= start]
                traded = [candle for candle in candles if Decimal(str(candle[-1]))]
                if len(traded) >= most or len(candles) < size:
                    break
        except UnknownIntervalError:
            raise self._wrong("key") from None
        chosen = traded[:most] if oldest_first else traded[-most:][::-1]
        return Page((chosen,), replace(ROW_SHAPE, length=interval.length_ms, newest_first=not oldest_first))

    def error(self, status: int, message: str) -> ApiError:
        """Return code 10001, Bitfinex's code for generic errors; see ``Api.error``."""
        return ApiError(status, ["error", 10001, message])

    def unknown_symbol(self) -> ApiError:
        """Return code 10020, with status 500."""
        return self._wrong("symbol")

    def rate_limited(self, *, banned: bool = False) -> ApiError:
        """Return code 11010, with status 429; see ``Api.rate_limited``."""
        return ApiError(429, ["error", 11010, "ratelimit: error"])

    def server_error(self, status: int) -> ApiError:
        """Return code 10000, Bitfinex's code for unknown errors; see ``Api.server_error``."""
        return ApiError(status, ["error", 10000, "unknown error"])

    def _wrong(self, name: str) -> ApiError:
        return ApiError(500, ["error", _WRONG_PARAMETER, f"{name}: invalid"])

    def _whole_number(self, args: MultiDict[str, str], name: str) -> int | None:
        text = args.get(name)
        if text is None:
            return None
        if not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS):
            raise self._wrong(name)
        return int(text)


def market_of(base: str, quote: str = DOLLAR) -> str:
    """Return Bitfinex's name of a market."""
    names = [_OWN_NAMES.get(asset, asset) for asset in (base, quote)]
    return "t" + ("" if all(len(name) == _SHORT for name in names) else ":").join(names)


def listed(book: CandleBook) -> dict[str, tuple[str, str, str]]:
    """Return base, quote and the book's market, by market. Currencies have Bitfinex's names."""
    return {
        market_of(base, quote): (_OWN_NAMES.get(base, base), _OWN_NAMES.get(quote, quote), symbol)
        for (base, quote), symbol in dollar_markets(book.pairs).items()
        if quote == DOLLAR or (base, quote) in _OTHERS
    }


def _candle(row: Row) -> Row:
    return [open_time(row), *(JsonNumber(str(row[column])) for column in (OPEN, CLOSE, HIGH, LOW, VOLUME))]
