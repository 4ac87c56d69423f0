"""Binance spot candles: ``GET /api/v3/klines`` and ``exchangeInfo``, public data, no key.

Sources: https://developers.binance.com/docs/binance-spot-api-docs/rest-api/market-data-endpoints (klines),
…/general-endpoints (exchangeInfo: weight 20, the parameter ``symbols``, and an error if one of them does not exist) and
…/errors. Clients report that delisted markets stay in exchangeInfo, with the status BREAK
(coingecko/cryptoexchange#1718, GLEECBTC/coins#895).
``first_request`` and ``next_request`` choose the requests; ``fetch_pages`` sends them.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from types import MappingProxyType
from typing import Any, ClassVar

from crypto_prices_contract.window import Window

from crypto_prices.fetch.errors import FatalSourceError
from crypto_prices.fetch.excerpt import excerpt
from crypto_prices.fetch.http_client import HttpClient, Response
from crypto_prices.fetch.sources.base import (
    Listing,
    Page,
    Source,
    asked_twice_if_empty,
    pairs_of_rows,
    refuse_other_unit,
    time_ms,
)
from crypto_prices.fetch.sources.sent_candles import SentCandle, sent_candle

log = logging.getLogger(__name__)

MAX_ROWS = 1000
"""Maximum number of rows in one response."""

MARKETS_PER_LISTING = 100
"""Markets per request of exchangeInfo. Their names are in the URL, which has at most 3 KB then."""

_KLINES = "/api/v3/klines"
_EXCHANGE_INFO = "/api/v3/exchangeInfo"
_USED_WEIGHT_HEADER = "X-MBX-USED-WEIGHT-1M"
_WEIGHT_TO_PAUSE_AT = 5700.0  # of 6000 per minute, because other clients may share this IP address
_INVALID_SYMBOL = -1121
_TOO_MANY_REQUESTS = -1003
_MILLISECONDS = re.compile(r"\b[0-9]{13}\b")
_OPEN_TIME = 0  # column of a row
_FIELDS = 12
_PLACES = {
    "open_price": 1,
    "high_price": 2,
    "low_price": 3,
    "close_price": 4,
    "base_volume": 5,
    "quote_volume": 7,
    "trade_count": 8,
}
_OPTIONAL = frozenset({"quote_volume", "trade_count"})
_PAGE_ALLOWANCE = 2
"""Page limit, as a multiple of the pages of a window without gaps. A server that sends fewer rows per page than
requested is still read to the end. A server that never ends is not."""


@dataclass(frozen=True)
class KlinesRequest:
    """One request for candles. ``start_ms`` and ``end_ms`` are inclusive, in milliseconds since 1970, UTC."""

    exchange_symbol: str
    candle_interval: str
    interval_ms: int
    start_ms: int
    end_ms: int
    limit: int = MAX_ROWS

    @property
    def params(self) -> dict[str, str | int]:
        """The query parameters."""
        return {
            "symbol": self.exchange_symbol,
            "interval": self.candle_interval,
            "startTime": self.start_ms,
            "endTime": self.end_ms,
            "limit": self.limit,
        }

    @property
    def max_pages(self) -> int:
        """Maximum number of pages from this request to the window's end, including the empty page that ends it."""
        candles = -(-(self.end_ms + 1 - self.start_ms) // self.interval_ms)
        return _PAGE_ALLOWANCE * -(-candles // self.limit) + 1


class BinanceSource(Source):
    """Candles of Binance's spot markets."""

    name: ClassVar[str] = "binance"
    default_api_url: ClassVar[str] = "https://data-api.binance.vision"
    rows_per_request: ClassVar[int] = MAX_ROWS
    bytes_per_record: ClassVar[int] = 170
    exchange_symbol_pattern: ClassVar[re.Pattern[str]] = re.compile(r"[A-Z0-9]{2,20}")
    requests_per_second: ClassVar[float] = 40.0  # of 50: 6000 weight per minute, 2 per request
    max_connections: ClassVar[int] = 8
    # …/errors: DISCONNECTED ("Please try again"), TOO_MANY_REQUESTS, UNEXPECTED_RESP, TIMEOUT and SERVER_BUSY ("Please
    # try again in a few minutes"). A request for candles changes nothing, so it can be sent again after each of them.
    temporary_error_codes: ClassVar[frozenset[int | str]] = frozenset({-1001, _TOO_MANY_REQUESTS, -1006, -1007, -1008})
    candle_intervals: ClassVar[Mapping[str, timedelta]] = MappingProxyType(
        {
            "1s": timedelta(seconds=1),
            **{f"{minutes}m": timedelta(minutes=minutes) for minutes in (1, 3, 5, 15, 30)},
            **{f"{hours}h": timedelta(hours=hours) for hours in (1, 2, 4, 6, 8, 12)},
            "1d": timedelta(days=1),
        }
    )

    def fetch_listings(self, client: HttpClient, exchange_symbols: Sequence[str]) -> Iterator[Listing]:
        """Yield exchangeInfo of these markets; see ``Source.fetch_listings``."""
        for first in range(0, len(exchange_symbols), MARKETS_PER_LISTING):
            yield from self._listings(client, exchange_symbols[first : first + MARKETS_PER_LISTING])

    def _listings(self, client: HttpClient, exchange_symbols: Sequence[str]) -> Iterator[Listing]:
        """Yield exchangeInfo. The error for unknown symbols does not name them, so halves are requested to find out."""
        names = json.dumps(exchange_symbols, separators=(",", ":"))
        try:
            response = client.get_json(self.api_url + _EXCHANGE_INFO, params={"symbols": names}, headers=self.headers)
        except FatalSourceError as error:
            if error.exchange_code != _INVALID_SYMBOL:
                raise
            if len(exchange_symbols) == 1:
                return
            response = None
        if response is None:
            half = len(exchange_symbols) // 2
            for part in (exchange_symbols[:half], exchange_symbols[half:]):
                yield from self._listings(client, part)
            return
        rows = response.json.get("symbols") if isinstance(response.json, dict) else None
        yield Listing(response, pairs_of_rows(response, rows, "symbol", "baseAsset", "quoteAsset"))

    def pause_seconds(self, headers: Mapping[str, str], now: datetime) -> float:
        """Return the rest of the minute in seconds if this IP address has used up almost all of its weight.

        All clients at the address share the weight. Source: "IP limits" in …/rest-api/limits, the header
        X-MBX-USED-WEIGHT-(intervalNum)(intervalLetter).
        """
        used = headers.get(_USED_WEIGHT_HEADER, "")
        if not (used.isascii() and used.isdigit()) or float(used) < _WEIGHT_TO_PAUSE_AT:
            return 0.0
        return 60.0 - now.second - now.microsecond / 1e6

    def required_wait(self, code: int | str | None, message: str, now: datetime) -> float | None:
        """Return the rest of a ban until the time in its message, in milliseconds; see ``Source.required_wait``.

        Source: -1003 in …/errors, "Way too much request weight used; IP banned until %s". A 418 usually has a
        Retry-After, too.
        """
        times = _MILLISECONDS.findall(message) if code == _TOO_MANY_REQUESTS else []
        return max(0.0, int(times[0]) / 1000 - now.timestamp()) if times else None

    def fetch_pages(
        self, client: HttpClient, exchange_symbol: str, window: Window, candle_interval: str
    ) -> Iterator[Page]:
        """Yield the responses that together cover the window, oldest first; see ``Source.fetch_pages``.

        A market without candles in the window yields two pages without records.
        """
        request: KlinesRequest | None = first_request(
            self.checked_symbol(exchange_symbol), window, candle_interval, self.interval_length(candle_interval)
        )
        assert request is not None  # noqa: S101 - for the type checker: the loop's variable becomes None at the end
        max_pages = request.max_pages
        for _ in range(max_pages):
            for response, rows in asked_twice_if_empty(partial(self._fetch, client, request), _rows):
                times = (row[_OPEN_TIME] for row in rows if isinstance(row, list) and row)
                refuse_other_unit(self.name, times, 1, window, response.url)
                first = datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=request.start_ms)
                yield Page(response=response, records=len(rows), first=first, end=window.ends_at)
            request = next_request(request, rows, url=response.url)
            if request is None:
                return
        raise FatalSourceError(
            f"binance sent {max_pages} pages of {exchange_symbol}, but they do not reach the end of "
            f"[{window.start}, {window.end})",
            "It sends fewer rows per page than requested: check that api_url is Binance's spot API",
            response.url,
        )

    def read_candles(self, response: Response, candle_interval: str) -> Iterator[SentCandle]:
        """Yield the candles of a response; see ``Source.read_candles``."""
        for row in _rows(response):
            if isinstance(row, list) and len(row) >= _FIELDS:
                values = {column: row[place] for column, place in _PLACES.items()}
                yield from sent_candle(time_ms(row[_OPEN_TIME], 1), values, _OPTIONAL)

    def _fetch(self, client: HttpClient, request: KlinesRequest) -> Response:
        try:
            return client.get_json(self.api_url + _KLINES, params=request.params, headers=self.headers)
        except FatalSourceError as error:
            if error.exchange_code != _INVALID_SYMBOL:
                raise
            raise FatalSourceError(
                f"binance has no market {request.exchange_symbol}: {error.problem}",
                "Correct the symbol in the settings, or remove it",
                error.url,
                error.status,
                error.exchange_code,
            ) from None


def first_request(
    exchange_symbol: str, window: Window, candle_interval: str, interval_length: timedelta
) -> KlinesRequest:
    """Return the request for a window's first candles."""
    return KlinesRequest(
        exchange_symbol=exchange_symbol,
        candle_interval=candle_interval,
        interval_ms=interval_length // timedelta(milliseconds=1),
        start_ms=_milliseconds(window.starts_at),
        # endTime is inclusive and applies to open times. A candle that opens at the window's end is not part of it.
        end_ms=_milliseconds(window.ends_at) - 1,
    )


def next_request(request: KlinesRequest, rows: list[Any], *, url: str | None = None) -> KlinesRequest | None:
    """Return the next request, or None when the window is covered.

    The next page starts one interval after the latest open time in the requested range. Using the latest time instead
    of the last row's means that unordered rows lose no candles. Ignoring times beyond the range means that a stray row
    does not end the paging early. The Glue job rejects such rows.

    A page that ends before the window does is not assumed to be the last one, even if it is not full, because the
    exchange may send fewer rows than requested. Only an empty page shows that nothing is left.

    Rows without a readable open time do not affect the paging. If they come last, the next page contains them again, so
    that a candle after them is not lost. The Glue job counts both copies. If no row is readable, a page that is not
    full is taken as the last one. A full page of unreadable rows is an error, because the start of the next page is
    unknown.

    Args:
        request: The previous request.
        rows: The list in its response, unchecked.
        url: URL of the previous request for messages, redacted.

    Raises:
        FatalSourceError: The page has no candles from the requested range, so the next page is unknown.
    """
    if not rows:
        return None
    open_times = [time for time in map(_open_time, rows) if time is not None]
    in_range = [time for time in open_times if request.start_ms <= time <= request.end_ms]
    if in_range:
        start_ms = max(in_range) + request.interval_ms
        return replace(request, start_ms=start_ms) if start_ms <= request.end_ms else None
    if not open_times and len(rows) < request.limit:
        log.warning(
            "None of the %d rows of %s has an open time; treating the page as the last one",
            *(len(rows), request.exchange_symbol),
        )
        return None
    raise FatalSourceError(
        f"a page of {len(rows)} rows of {request.exchange_symbol} does not advance: "
        + ("none of its candles opens in the requested range" if open_times else "no open time can be read in it"),
        "Paging would never end. Check that api_url is Binance's spot API; if it is, its format has changed",
        url,
    )


def _rows(response: Response) -> list[Any]:
    if isinstance(response.json, list):
        return response.json
    raise FatalSourceError(
        f"binance sent {type(response.json).__name__} instead of a list of candles: {excerpt(response.body)}",
        "Check that api_url is Binance's spot API; if it is, its format has changed",
        response.url,
        response.status,
    )


def _open_time(row: Any) -> int | None:
    """Return a row's open time in milliseconds, or None if it has none. Booleans are not times."""
    time = row[_OPEN_TIME] if isinstance(row, list) and row else None
    return time if isinstance(time, int) and not isinstance(time, bool) else None


def _milliseconds(instant: datetime) -> int:
    return int(instant.timestamp()) * 1000
