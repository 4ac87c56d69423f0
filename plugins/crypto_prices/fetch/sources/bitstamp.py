"""Bitstamp's candles: ``GET /api/v2/ohlc/{market}/`` and ``GET /api/v2/markets/``, public data, no key.

Source of the facts: https://www.bitstamp.net/api/ (OHLC data; Markets; Response codes; Request limits: 400 requests per
second, 10 000 in ten minutes), whose OpenAPI document its clients quote. Times are in seconds, and ``limit`` is 1 to
1000. "If both start and end timestamps are posted, end timestamp will be used": a response has the last ``limit``
candles up to ``end``, which is the open time of the last one (ccxt/ccxt#20222). An interval without a trade has a
candle with volume 0 and the last price (ccxt/ccxt#20234). An error has a ``response_code`` (ccxt/ccxt#28326): 400.002,
400.067 and 400.068 are reached rate limits. The pages do not name their HTTP status, and no Retry-After.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
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
    candle_ranges,
    count_surplus,
    pairs_of_rows,
    refuse_other_unit,
    time_ms,
)
from crypto_prices.fetch.sources.sent_candles import SentCandle, sent_candle

MAX_ROWS = 1000
"""Maximum number of candles in one response."""

_SECOND = timedelta(seconds=1)
_SECOND_MS = 1000
_NOT_FOUND = 404
_BLOCK = re.compile(r"\bblocked for ([0-9]{1,6}) seconds\b")
_MEMBERS = {
    "open_price": "open",
    "high_price": "high",
    "low_price": "low",
    "close_price": "close",
    "base_volume": "volume",
}


class BitstampSource(Source):
    """Candles of Bitstamp's spot markets."""

    name: ClassVar[str] = "bitstamp"
    default_api_url: ClassVar[str] = "https://www.bitstamp.net"
    # A perpetual has a hyphen, such as btcusd-perp. It has the base and the counter currency of the spot market.
    exchange_symbol_pattern: ClassVar[re.Pattern[str]] = re.compile(r"[a-z0-9]{5,20}")
    rows_per_request: ClassVar[int] = MAX_ROWS
    bytes_per_record: ClassVar[int] = 130
    requests_per_second: ClassVar[float] = 10.0  # of 16: 10 000 in ten minutes
    max_connections: ClassVar[int] = 4
    temporary_error_codes: ClassVar[frozenset[int | str]] = frozenset({"400.002", "400.067", "400.068"})
    candle_intervals: ClassVar[Mapping[str, timedelta]] = MappingProxyType(
        {
            **{f"{minutes}m": timedelta(minutes=minutes) for minutes in (1, 3, 5, 15, 30)},
            **{f"{hours}h": timedelta(hours=hours) for hours in (1, 2, 4, 6, 12)},
            "1d": timedelta(days=1),
        }
    )

    def required_wait(self, code: int | str | None, message: str, now: datetime) -> float | None:
        """Return the length of a block in seconds; see ``Source.required_wait``.

        Source: "10.10.10.10 blocked for 900 seconds", a text without a code (askmike/bitstamp#52).
        """
        block = _BLOCK.search(message)
        return float(block[1]) if block else None

    def fetch_listings(self, client: HttpClient, exchange_symbols: Sequence[str]) -> Iterator[Listing]:
        """Yield the list of all markets; see ``Source.fetch_listings``."""
        response = client.get_json(f"{self.api_url}/api/v2/markets/", headers=self.headers)
        yield Listing(
            response, pairs_of_rows(response, response.json, "market_symbol", "base_currency", "counter_currency")
        )

    def fetch_pages(
        self, client: HttpClient, exchange_symbol: str, window: Window, candle_interval: str
    ) -> Iterator[Page]:
        """Yield the responses that together cover the window, oldest first; see ``Source.fetch_pages``.

        A request names its first and last candle, and as ``limit`` their number. If some of them are missing, the
        response reaches back further: into the range before it, whose candles then come twice, or to before the
        window, which is surplus.
        """
        market = self.checked_symbol(exchange_symbol)
        interval = self.interval_length(candle_interval)
        for first, last in candle_ranges(window, interval, MAX_ROWS):
            fetch = partial(self._fetch, client, market, first, last, interval)
            for response, candles in asked_twice_if_empty(fetch, _candles):
                times = [candle.get("timestamp") for candle in candles if isinstance(candle, dict)]
                refuse_other_unit(self.name, times, _SECOND_MS, window, response.url)
                surplus = count_surplus((time_ms(time, _SECOND_MS) for time in times), window)
                yield Page(response=response, records=len(candles), first=first, end=last + interval, surplus=surplus)

    def read_candles(self, response: Response, candle_interval: str) -> Iterator[SentCandle]:
        """Yield the candles of a response; see ``Source.read_candles``."""
        for candle in _candles(response):
            if isinstance(candle, dict):
                values = {column: candle.get(member) for column, member in _MEMBERS.items()}
                yield from sent_candle(time_ms(candle.get("timestamp"), _SECOND_MS), values)

    def _fetch(self, client: HttpClient, market: str, first: datetime, last: datetime, interval: timedelta) -> Response:
        try:
            return client.get_json(
                f"{self.api_url}/api/v2/ohlc/{market}/",
                params={
                    "step": interval // _SECOND,
                    "limit": (last - first) // interval + 1,
                    "start": int(first.timestamp()),
                    "end": int(last.timestamp()),
                },
                headers=self.headers,
            )
        except FatalSourceError as error:
            if error.status != _NOT_FOUND:
                raise
            raise FatalSourceError(
                f"bitstamp has no market {market}: {error.problem}",
                "Correct the symbol in the settings, or remove it",
                error.url,
                error.status,
                error.exchange_code,
            ) from None


def _candles(response: Response) -> list[Any]:
    data = response.json.get("data") if isinstance(response.json, dict) else None
    candles = data.get("ohlc") if isinstance(data, dict) else None
    if not isinstance(candles, list):
        raise FatalSourceError(
            f"bitstamp responded without a list of candles: {excerpt(response.body)}",
            "Check that api_url is Bitstamp's API; if it is, its format has changed",
            response.url,
            response.status,
        )
    return candles
