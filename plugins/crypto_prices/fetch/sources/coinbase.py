"""Coinbase Exchange candles: ``GET /products/{product_id}/candles`` and ``/products``, public data, no key.

Sources: https://docs.cdp.coinbase.com/exchange/reference/exchangerestapi_getproducts (base and quote of every product),
https://docs.cdp.coinbase.com/exchange/reference/exchangerestapi_getproductcandles (at most 300 candles, newest
first; intervals without a trade are omitted; a row may precede the start) and
https://docs.cdp.coinbase.com/exchange/rest-api/rate-limits (10 public requests per second and address, 15 in a burst).
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

MAX_ROWS = 300
"""Maximum number of candles in one response."""

_SECOND_MS = 1000
_NOT_FOUND = 404
_TIME = 0  # column of a row
_FIELDS = 6
_PLACES = {"low_price": 1, "high_price": 2, "open_price": 3, "close_price": 4, "base_volume": 5}


class CoinbaseSource(Source):
    """Candles of Coinbase Exchange's products."""

    name: ClassVar[str] = "coinbase"
    default_api_url: ClassVar[str] = "https://api.exchange.coinbase.com"
    exchange_symbol_pattern: ClassVar[re.Pattern[str]] = re.compile(r"[A-Z0-9]{1,16}-[A-Z0-9]{2,8}")
    rows_per_request: ClassVar[int] = MAX_ROWS
    bytes_per_record: ClassVar[int] = 65
    requests_per_second: ClassVar[float] = 9.0
    max_connections: ClassVar[int] = 4
    candle_intervals: ClassVar[Mapping[str, timedelta]] = MappingProxyType(
        {
            **{f"{minutes}m": timedelta(minutes=minutes) for minutes in (1, 5, 15)},
            **{f"{hours}h": timedelta(hours=hours) for hours in (1, 6)},
            "1d": timedelta(days=1),
        }
    )

    def fetch_listings(self, client: HttpClient, exchange_symbols: Sequence[str]) -> Iterator[Listing]:
        """Yield the list of all products; see ``Source.fetch_listings``."""
        response = client.get_json(f"{self.api_url}/products", headers=self.headers)
        yield Listing(response, pairs_of_rows(response, response.json, "id", "base_currency", "quote_currency"))

    def fetch_pages(
        self, client: HttpClient, exchange_symbol: str, window: Window, candle_interval: str
    ) -> Iterator[Page]:
        """Yield the responses that together cover the window, oldest first; see ``Source.fetch_pages``.

        The window is split into ranges of 300 candles in advance. Paging cannot depend on the number of rows, because
        intervals without a trade are omitted. A row before the start of a range repeats a row of the previous range.
        Before the window's start, it is surplus.
        """
        product_id = self.checked_symbol(exchange_symbol)
        interval = self.interval_length(candle_interval)
        for first, last in candle_ranges(window, interval, MAX_ROWS):
            fetch = partial(self._fetch, client, product_id, first, last, interval)
            for response, rows in asked_twice_if_empty(fetch, _rows):
                times = [row[_TIME] for row in rows if isinstance(row, list) and row]
                refuse_other_unit(self.name, times, _SECOND_MS, window, response.url)
                surplus = count_surplus((time_ms(time, _SECOND_MS) for time in times), window)
                yield Page(response=response, records=len(rows), first=first, end=last + interval, surplus=surplus)

    def read_candles(self, response: Response, candle_interval: str) -> Iterator[SentCandle]:
        """Yield the candles of a response; see ``Source.read_candles``."""
        for row in _rows(response):
            if isinstance(row, list) and len(row) >= _FIELDS:
                values = {column: row[place] for column, place in _PLACES.items()}
                yield from sent_candle(time_ms(row[_TIME], _SECOND_MS), values)

    def _fetch(
        self, client: HttpClient, product_id: str, first: datetime, last: datetime, interval: timedelta
    ) -> Response:
        try:
            return client.get_json(
                f"{self.api_url}/products/{product_id}/candles",
                params={
                    "granularity": interval // timedelta(seconds=1),
                    "start": first.isoformat(),
                    "end": last.isoformat(),
                },
                headers=self.headers,
            )
        except FatalSourceError as error:
            if error.status != _NOT_FOUND:
                raise
            raise FatalSourceError(
                f"coinbase has no product {product_id}: {error.problem}",
                "Correct the symbol in the settings, or remove it",
                error.url,
                error.status,
                error.exchange_code,
            ) from None


def _rows(response: Response) -> list[Any]:
    if not isinstance(response.json, list):
        raise FatalSourceError(
            f"coinbase sent {type(response.json).__name__} instead of a list of candles: {excerpt(response.body)}",
            "Check that api_url is Coinbase Exchange's API; if it is, its format has changed",
            response.url,
            response.status,
        )
    return response.json
