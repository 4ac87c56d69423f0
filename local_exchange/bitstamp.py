"""Bitstamp's API: ``GET /api/v2/ohlc/{market}/`` and ``/api/v2/markets/``.

Source of the rules: https://www.bitstamp.net/api/ (OHLC data, Markets, Response codes, Request limits), whose OpenAPI
document several clients quote. ``step`` and ``limit`` are required. "If both start and end timestamps are posted, end
timestamp will be used": a response has the last ``limit`` candles up to ``end``, which is the open time of the last one
(ccxt/ccxt#20222). Without ``end``, it begins at ``start``. An interval without a trade has volume 0 and the last price
(ccxt/ccxt#20234). An error has a ``response_code`` (ccxt/ccxt#28326): 400.001 for a wrong parameter, with the reasons
"Missing data for required field.", "Not a valid choice." and "Must be between 1 and 1000.", 400.002 for the rate limit
(and 400.067 and 400.068 for those of a client and a market), 404.003 for an unknown pair, and 500.001 for an unknown
failure. Unconfirmed: the status of a reached rate limit, the JSON of an unknown pair (other paths of the real API have
an HTML page with status 404), and the reason for a start or an end that is not a number. ``exclude_current_candle`` is
not supported: like any other unread parameter, it is refused.

A market ``xxxusd`` has the values of the book's market ``XXXUSDT``, written as texts with the book's digits, and
``xxxusdt`` has the same ones. Generated prices are slightly below Binance's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, ClassVar

from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Request

from local_exchange.api import Api, ApiError, Page, RowShape, Source
from local_exchange.candles import (
    CLOSE,
    HIGH,
    INTERVALS,
    LOW,
    OPEN,
    SECOND_MS,
    VOLUME,
    CandleBook,
    Interval,
    Premium,
    Row,
    UnknownIntervalError,
    open_time,
)
from local_exchange.markets import DOLLAR, dollar_markets

MAX_ROWS = 1000
"""Maximum number of candles in a response."""

MEMBERS = ("timestamp", "open", "high", "low", "close", "volume")

# Only a fault adds one more column.
ROW_SHAPE = RowShape(times=(0,), price=4, names=("timestamp", "close"), high=2, members=(*MEMBERS, "extra"))

_STEPS: Mapping[str, Interval] = {
    str(seconds): next(interval for interval in INTERVALS.values() if interval.length_ms == seconds * SECOND_MS)
    for seconds in (60, 180, 300, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400, 259200)
}
"""The intervals by step, in seconds."""

_OTHERS = frozenset({("BTC", "USDT"), ("ETH", "USDT")})
"""Base and counter currency of the markets that are not in US dollars."""

_PARAMETERS = ("step", "limit", "start", "end")
_MOST_DIGITS = 20


@dataclass(frozen=True)
class OhlcPage(Page):
    """A response with candles.

    Attributes:
        pair: The market's name, such as ``BTC/USD``.
    """

    pair: str = ""

    def document(self, tables: tuple[list[Any], ...] | None = None) -> Any:
        """Return the JSON body; see ``Page.document``."""
        return {"data": {"ohlc": super().document(tables), "pair": self.pair}}


class Bitstamp(Api):
    """Candles of Bitstamp's spot markets; arguments as for ``Api``."""

    source: ClassVar[Source] = Source.BITSTAMP
    candles_path: ClassVar[str] = "/api/v2/ohlc/<market>/"
    empty_page: ClassVar[Page] = OhlcPage(([],), ROW_SHAPE)
    premium: ClassVar[Premium | None] = Premium(source, above=False)

    @property
    def documents(self) -> Mapping[str, Callable[[Request], Any]]:
        """``markets``, which takes no parameters."""
        return {"/api/v2/markets/": lambda request: self._markets()}

    def _markets(self) -> list[dict[str, Any]]:
        return [
            {
                "name": f"{base}/{counter}",
                "market_symbol": market,
                "base_currency": base,
                "base_decimals": 8,
                "counter_currency": counter,
                "counter_decimals": 5,
                "minimum_order_value": "10",
                "trading": "Enabled",
                "instant_order_counter_decimals": 5,
                "instant_and_market_orders": "Enabled",
                "description": f"{base} / {counter}",
                "market_type": "SPOT",
            }
            for market, (base, counter, _) in sorted(listed(self._book).items())
        ]

    @staticmethod
    def markets(book: CandleBook) -> frozenset[str]:
        """Return the markets in US dollars and a few in USDT; see ``Api.markets``."""
        return frozenset(listed(book))

    def symbol(self, request: Request, path: Mapping[str, str]) -> str | None:
        """Return the requested market; see ``Api.symbol``."""
        return path["market"]

    def page(self, request: Request, path: Mapping[str, str]) -> Page:
        """Return the requested candles, oldest first; see ``Api.page``."""
        args = request.args
        market = listed(self._book).get(path["market"])
        if market is None:
            raise self.unknown_symbol()
        base, counter, symbol = market
        if not {"step", "limit"} <= args.keys():
            raise self._wrong("Missing data for required field.")
        interval = _STEPS.get(args["step"])
        if interval is None or not args.keys() <= set(_PARAMETERS):
            raise self._wrong("Not a valid choice.")
        limit = self._whole_number(args, "limit")
        if limit is None or not 1 <= limit <= MAX_ROWS:
            raise self._wrong(f"Must be between 1 and {MAX_ROWS}.")
        assert interval.length_ms is not None  # noqa: S101 - only months have no length
        start, end = self._whole_number(args, "start"), self._whole_number(args, "end")
        try:
            rows = self._candles(
                symbol,
                interval.name,
                start_ms=start * SECOND_MS if start is not None and end is None else None,
                end_ms=None if end is None else end * SECOND_MS,
                limit=limit,
            )
        except UnknownIntervalError:
            raise self._wrong("Not a valid choice.") from None
        return OhlcPage(
            (_flat([_candle(row) for row in rows]),),
            replace(ROW_SHAPE, length=interval.length_ms // SECOND_MS),
            pair=f"{base}/{counter}",
        )

    def error(self, status: int, message: str) -> ApiError:
        """Return an error whose code begins with the status; see ``Api.error``."""
        return ApiError(status, {"status": "error", "reason": message, "response_code": f"{status}.001"})

    def unknown_symbol(self) -> ApiError:
        """Return code 404.003, with status 404."""
        reason = "Currency pair not found for corresponding request."
        return ApiError(404, {"status": "error", "reason": reason, "response_code": "404.003"})

    def rate_limited(self, *, banned: bool = False) -> ApiError:
        """Return code 400.002, with status 429; see ``Api.rate_limited``."""
        reason = "Request rejected due to exceeded rate limit."
        return ApiError(429, {"status": "error", "reason": reason, "response_code": "400.002"})

    def server_error(self, status: int) -> ApiError:
        """Return an unknown failure; see ``Api.server_error``."""
        return self.error(status, "Unknown server error.")

    def _wrong(self, reason: str) -> ApiError:
        return self.error(400, reason)

    def _whole_number(self, args: MultiDict[str, str], name: str) -> int | None:
        text = args.get(name)
        if text is None:
            return None
        if not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS):
            raise self._wrong("Not a valid integer.")
        return int(text)


def market_of(base: str, counter: str = DOLLAR) -> str:
    """Return Bitstamp's name of a market."""
    return f"{base}{counter}".lower()


def listed(book: CandleBook) -> dict[str, tuple[str, str, str]]:
    """Return base, counter currency and the book's market, by market."""
    return {
        market_of(base, counter): (base, counter, symbol)
        for (base, counter), symbol in dollar_markets(book.pairs).items()
        if counter == DOLLAR or (base, counter) in _OTHERS
    }


def _candle(row: Row) -> Row:
    return [open_time(row) // SECOND_MS, *(row[column] for column in (OPEN, HIGH, LOW, CLOSE, VOLUME))]


def _flat(candles: list[Row]) -> list[Row]:
    """Return the candles. One without a trade has the close of the candle before it, if that is in the response."""
    flat: list[Row] = []
    for candle in candles:
        opened, *_, volume = candle
        if flat and not Decimal(str(volume)):
            close = flat[-1][ROW_SHAPE.price]
            flat.append([opened, close, close, close, close, volume])
        else:
            flat.append(candle)
    return flat
