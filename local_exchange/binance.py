"""Binance's spot API: ``GET /api/v3/klines``, ``exchangeInfo``, ``ping`` and ``time``, with Binance's rules and errors.

Source of the rules: https://developers.binance.com/docs/binance-spot-api-docs, pages rest-api/market-data-endpoints,
rest-api/general-endpoints, rest-api/limits and errors. ``timeZone`` of klines and the filters ``permissions``,
``symbolStatus`` and ``showPermissionSets`` of exchangeInfo are not supported: like any other unread parameter, they are
rejected with -1104. exchangeInfo has the members that name and describe a market. Its trading rules (``filters``,
``permissionSets``) are empty, because the exchange has no trading.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Request

from local_exchange.api import Api, ApiError, Page, RowShape, Source
from local_exchange.candles import (
    CLOSE,
    CLOSE_TIME,
    HIGH,
    MINUTE_MS,
    OPEN_TIME,
    CandleBook,
    UnknownIntervalError,
)
from local_exchange.markets import binance_markets
from local_exchange.rules import RuleSwitch

ROW_SHAPE = RowShape(times=(OPEN_TIME, CLOSE_TIME), price=CLOSE, names=("openTime", "close"), high=HIGH)

_DEFAULT_ROWS, _MAX_ROWS = 500, 1000
_KLINES_PARAMETERS = ("symbol", "interval", "startTime", "endTime", "limit")
_SYMBOL_RANGE = r"^[A-Z0-9-_.]{1,20}$"
_NUMBER_RANGE = r"^[0-9]{1,20}$"
_SYMBOLS_RANGE = r'^\[("[A-Z0-9-_.]{1,20}"(,"[A-Z0-9-_.]{1,20}"){0,}){0,1}\]$'
_WEIGHTS = {"/api/v3/klines": 2, "/api/v3/exchangeInfo": 20}
_OTHER_WEIGHT = 1


@dataclass(frozen=True)
class KlinesQuery:
    """A validated request for candles. Times are in milliseconds since 1970; both ends are inclusive."""

    symbol: str
    interval: str
    start_ms: int | None
    end_ms: int | None
    limit: int

    @classmethod
    def parse(cls, args: MultiDict[str, str]) -> KlinesQuery:
        """Parse URL parameters.

        Raises:
            ApiError: A parameter is missing (-1102), illegal (-1100, -1130), sent twice (-1101) or unknown (-1104).
        """
        _check_names(args, _KLINES_PARAMETERS)
        for name in ("symbol", "interval"):
            if not args.get(name):
                raise _error(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")
        symbol = _matching("symbol", args["symbol"], _SYMBOL_RANGE)
        limit = _whole_number(args, "limit")
        if limit == 0:
            raise _error(-1130, "Data sent for parameter 'limit' is not valid.")
        return cls(
            symbol=symbol,
            interval=args["interval"],
            start_ms=_whole_number(args, "startTime"),
            end_ms=_whole_number(args, "endTime"),
            # Binance does not reject a larger limit but returns its maximum.
            limit=min(limit or _DEFAULT_ROWS, _MAX_ROWS),
        )


class Binance(Api):
    """Candles of Binance's spot markets; arguments as for ``Api``."""

    source: ClassVar[Source] = Source.BINANCE
    candles_path: ClassVar[str] = "/api/v3/klines"
    empty_page: ClassVar[Page] = Page(([],), ROW_SHAPE)

    def __init__(self, book: CandleBook, now: Callable[[], datetime], rules: RuleSwitch) -> None:
        super().__init__(book, now, rules)
        self._weight_lock = threading.Lock()
        self._weight = self._weight_minute = 0

    @property
    def documents(self) -> Mapping[str, Callable[[Request], Any]]:
        """``ping``, ``time`` and ``exchangeInfo``."""
        return {
            "/api/v3/ping": lambda request: {},
            "/api/v3/time": lambda request: {"serverTime": self._now_ms},
            "/api/v3/exchangeInfo": self._exchange_info,
        }

    def _exchange_info(self, request: Request) -> Any:
        """Return the description of all markets, or of those in ``symbol`` or ``symbols``."""
        args = request.args
        _check_names(args, ("symbol", "symbols"))
        if len(args) > 1:
            raise _error(-1128, "Combination of optional parameters invalid.")
        listed = binance_markets(self._book.pairs)
        symbols = sorted(listed)
        if "symbol" in args:
            symbols = [_matching("symbol", args["symbol"], _SYMBOL_RANGE)]
        elif "symbols" in args:
            symbols = json.loads(_matching("symbols", args["symbols"], _SYMBOLS_RANGE))
        if not set(symbols) <= set(listed):
            raise self.unknown_symbol()
        return {
            "timezone": "UTC",
            "serverTime": self._now_ms,
            "rateLimits": [
                {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 6000},
            ],
            "exchangeFilters": [],
            "symbols": [_description(symbol, *listed[symbol]) for symbol in dict.fromkeys(symbols)],
        }

    @staticmethod
    def markets(book: CandleBook) -> frozenset[str]:
        """Return the book's markets, without stablecoins in US dollars; see ``Api.markets``."""
        return frozenset(binance_markets(book.pairs))

    def symbol(self, request: Request, path: Mapping[str, str]) -> str | None:
        """Return the requested market; see ``Api.symbol``."""
        return request.args.get("symbol")

    def page(self, request: Request, path: Mapping[str, str]) -> Page:
        """Return the requested klines; see ``Api.page``."""
        query = KlinesQuery.parse(request.args)
        if query.symbol not in self.markets(self._book):
            raise self.unknown_symbol()
        try:
            rows = self._candles(
                query.symbol, query.interval, start_ms=query.start_ms, end_ms=query.end_ms, limit=query.limit
            )
        except UnknownIntervalError:
            raise _error(-1120, "Invalid interval.") from None
        return Page((rows,), ROW_SHAPE)

    def error(self, status: int, message: str) -> ApiError:
        """Return code -1000, Binance's code for unknown errors; see ``Api.error``."""
        return _error(-1000, message, status)

    def unknown_symbol(self) -> ApiError:
        """Return code -1121."""
        return _error(-1121, "Invalid symbol.")

    def rate_limited(self, *, banned: bool = False) -> ApiError:
        """Return code -1003, with status 418 for a banned address and 429 otherwise; see ``Api.rate_limited``."""
        if banned:
            return _error(-1003, "Way too much request weight used; IP banned.", 418)
        return _error(-1003, "Too much request weight used.", 429)

    def server_error(self, status: int) -> ApiError:
        """Return code -1000; see ``Api.server_error``."""
        return self.error(status, "An unknown error occurred.")

    def count_weight(self, path: str) -> Mapping[str, str]:
        """Return the weight of all requests since the start of the minute; see ``Api.count_weight``."""
        minute = self._now_ms // MINUTE_MS
        with self._weight_lock:
            if minute != self._weight_minute:
                self._weight_minute, self._weight = minute, 0
            self._weight += _WEIGHTS.get(path, _OTHER_WEIGHT)
            return {"X-MBX-USED-WEIGHT-1M": str(self._weight)}


def _description(symbol: str, base: str, quote: str) -> dict[str, Any]:
    return {
        "symbol": symbol,
        "status": "TRADING",
        "baseAsset": base,
        "baseAssetPrecision": 8,
        "quoteAsset": quote,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": [],
        "permissions": [],
        "permissionSets": [],
    }


def _check_names(args: MultiDict[str, str], known: Sequence[str]) -> None:
    for name in args:
        if len(args.getlist(name)) > 1:
            raise _error(-1101, f"Duplicate values for parameter '{name}' detected.")
    unread = len(set(args) - set(known))
    if unread:
        raise _error(
            -1104,
            f"Not all sent parameters were read; read '{len(args) - unread}' parameter(s) but was sent '{len(args)}'.",
        )


def _error(code: int, message: str, status: int = 400) -> ApiError:
    return ApiError(status, {"code": code, "msg": message})


def _matching(name: str, value: str, pattern: str) -> str:
    if not re.fullmatch(pattern.strip("^$"), value):
        raise _error(-1100, f"Illegal characters found in parameter '{name}'; legal range is '{pattern}'.")
    return value


def _whole_number(args: MultiDict[str, str], name: str) -> int | None:
    return int(_matching(name, args[name], _NUMBER_RANGE)) if name in args else None
