"""Coinbase Exchange's API: ``GET /products/{product_id}/candles`` and ``/products``.

Source of the rules: https://docs.cdp.coinbase.com/exchange/reference/exchangerestapi_getproductcandles,
https://docs.cdp.coinbase.com/exchange/reference/exchangerestapi_getproducts and
https://docs.cdp.coinbase.com/exchange/rest-api/rate-limits. The documentation does not contain the error messages. The
messages here were reported by clients: "Unsupported granularity" (danpaquin/coinbasepro-python#210),
"granularity too small …" (ccxt/ccxt#9268), "Public rate limit exceeded" (Superalgos/Superalgos#430). According to
tpodlaski/copra#7, the API ignores unknown parameters, and ignores one end of the range if the other one is missing.
Unconfirmed: the messages for an invalid start or end, for a start after the end and for failures, and the default
granularity of one minute.

A product ``XXX-USD`` has the values of the book's market ``XXXUSDT``, written as JSON numbers with the book's digits.
``XXX-USDT`` has the same ones. Generated prices are slightly above Binance's.
According to clients, the real API accepts one candle more than 300 if both ends are open times of candles. This
implementation does not, because the documentation does not promise it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any, ClassVar

from werkzeug.wrappers import Request

from local_exchange.api import Api, ApiError, JsonNumber, Page, RowShape, Source, parse_instant
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
    uniform,
)
from local_exchange.markets import DOLLAR, dollar_markets

MAX_ROWS = 300
"""Maximum number of candles in a response."""

ROW_SHAPE = RowShape(times=(0,), price=4, names=("time", "close"), high=2, newest_first=True)

_INTERVALS: Mapping[str, Interval] = {
    str(seconds): next(interval for interval in INTERVALS.values() if interval.length_ms == seconds * SECOND_MS)
    for seconds in (60, 300, 900, 3600, 21600, 86400)
}
"""The intervals by granularity."""

_DEFAULT_GRANULARITY = "60"
_OTHERS = frozenset({("BTC", "USDT"), ("ETH", "USDT")})
"""Base and quote of the products that are not in US dollars."""

_NOT_LISTED = frozenset({("USDC", DOLLAR)})
"""Coinbase redeems USDC for US dollars, and has no market for it."""


class Coinbase(Api):
    """Candles of Coinbase Exchange's products; arguments as for ``Api``."""

    source: ClassVar[Source] = Source.COINBASE
    candles_path: ClassVar[str] = "/products/<product_id>/candles"
    empty_page: ClassVar[Page] = Page(([],), ROW_SHAPE)
    premium: ClassVar[Premium | None] = Premium(source, above=True)

    @property
    def documents(self) -> Mapping[str, Callable[[Request], Any]]:
        """``/products``, which takes no parameters that this implementation reads."""
        return {"/products": lambda request: self._products()}

    def _products(self) -> list[dict[str, Any]]:
        return [
            {
                "id": product_id,
                "base_currency": base,
                "quote_currency": quote,
                "quote_increment": "0.01",
                "base_increment": "0.00000001",
                "display_name": f"{base}/{quote}",
                "min_market_funds": "1",
                "margin_enabled": False,
                "post_only": False,
                "limit_only": False,
                "cancel_only": False,
                "status": "online",
                "status_message": "",
                "trading_disabled": False,
                "fx_stablecoin": False,
                "auction_mode": False,
            }
            for product_id, (base, quote, _) in sorted(listed(self._book).items())
        ]

    @staticmethod
    def markets(book: CandleBook) -> frozenset[str]:
        """Return the products in US dollars and a few in USDT; see ``Api.markets``."""
        return frozenset(listed(book))

    def symbol(self, request: Request, path: Mapping[str, str]) -> str | None:
        """Return the requested product; see ``Api.symbol``."""
        return path["product_id"]

    def page(self, request: Request, path: Mapping[str, str]) -> Page:
        """Return the requested candles, newest first; see ``Api.page``."""
        product_id = path["product_id"]
        if product_id not in self.markets(self._book):
            raise self.unknown_symbol()
        *_, symbol = listed(self._book)[product_id]
        interval = _INTERVALS.get(request.args.get("granularity", _DEFAULT_GRANULARITY))
        if interval is None:
            raise self.error(400, "Unsupported granularity")
        assert interval.length_ms is not None  # noqa: S101 - only months have no length
        start, end = request.args.get("start"), request.args.get("end")
        try:
            if start and end:
                rows = self._range(
                    product_id, symbol, interval, self._instant("start", start), self._instant("end", end)
                )
            else:
                # One end without the other is ignored.
                rows = self._candles(symbol, interval.name, start_ms=None, end_ms=None, limit=MAX_ROWS)
        except UnknownIntervalError:
            raise self.error(400, "Unsupported granularity") from None
        candles = [_candle(row) for row in reversed(rows)]
        traded = [candle for candle in candles if Decimal(str(candle[-1]))]
        return Page((traded,), replace(ROW_SHAPE, length=interval.length_ms // SECOND_MS))

    def error(self, status: int, message: str) -> ApiError:
        """Return an error in Coinbase's only error format; see ``Api.error``."""
        return ApiError(status, {"message": message})

    def unknown_symbol(self) -> ApiError:
        """Return status 404."""
        return self.error(404, "NotFound")

    def rate_limited(self, *, banned: bool = False) -> ApiError:
        """Return status 429; see ``Api.rate_limited``."""
        return self.error(429, "Public rate limit exceeded")

    def server_error(self, status: int) -> ApiError:
        """Return an internal failure; see ``Api.server_error``."""
        return self.error(status, "Internal server error")

    def _instant(self, name: str, text: str) -> int:
        try:
            return parse_instant(text)
        except ValueError:
            raise self.error(400, f"{name} is neither an ISO 8601 timestamp nor Unix seconds") from None

    def _range(self, product_id: str, symbol: str, interval: Interval, start_ms: int, end_ms: int) -> list[Row]:
        if start_ms > end_ms:
            raise self.error(400, "end must be after start")
        # `first` is the first candle that opens at or after the start, and `before` is the previous one.
        before = interval.number_at(start_ms - 1)
        first, last = before + 1, interval.number_at(end_ms)
        if last - first >= MAX_ROWS:
            raise self.error(
                400,
                "granularity too small for the requested time range. "
                f"Count of aggregations requested exceeds {MAX_ROWS}",
            )
        precedes = self._rules.current.coinbase_rows_before_start and _has_row_before(product_id, interval, start_ms)
        rows = self._candles(
            symbol,
            interval.name,
            start_ms=interval.open_time(before if precedes else first),
            end_ms=end_ms,
            limit=MAX_ROWS + 1,
        )
        return rows[-MAX_ROWS:]


def market_of(base: str, quote: str = DOLLAR) -> str:
    """Return Coinbase's name of a product."""
    return f"{base}-{quote}"


def listed(book: CandleBook) -> dict[str, tuple[str, str, str]]:
    """Return base, quote and the book's market, by product."""
    return {
        market_of(base, quote): (base, quote, symbol)
        for (base, quote), symbol in dollar_markets(book.pairs).items()
        if (base, quote) in _OTHERS or (quote == DOLLAR and (base, quote) not in _NOT_LISTED)
    }


def _has_row_before(product_id: str, interval: Interval, start_ms: int) -> bool:
    """Return whether a response includes the candle before the start, which is so for about half of all starts."""
    return uniform(product_id, "row before start", interval.name, start_ms) < 0.5


def _candle(row: Row) -> Row:
    return [open_time(row) // SECOND_MS, *(JsonNumber(str(row[column])) for column in (LOW, HIGH, OPEN, CLOSE, VOLUME))]
