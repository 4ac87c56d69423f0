"""Bitfinex's candles: ``GET /v2/candles/trade:{interval}:{market}/hist`` and ``/v2/conf/…``, public data, no key.

Sources: https://docs.bitfinex.com/reference/rest-public-candles (times in milliseconds, the columns, both ends of the
range included, ``sort``, at most 10 000 rows, 30 requests per minute; older versions of the page say 90),
https://docs.bitfinex.com/reference/rest-public-conf (the lists of pairs and currencies, several in one request),
https://docs.bitfinex.com/docs/rest-general (symbols), https://docs.bitfinex.com/docs/abbreviations-glossary (error
codes), and for what the pages do not say: "candles will not be generated if there was no trading volume"
(bitfinexcom/bitfinex-api-py#198), code 11010 of a reached rate limit (ccxt/ccxt#6384), and HTTP 500 with code 10020 for
a wrong parameter (scrtlabs/catalyst#477).
"""

from __future__ import annotations

import logging
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
from crypto_prices.fetch.markets import Pair
from crypto_prices.fetch.sources.base import (
    Listing,
    Page,
    Source,
    asked_twice_if_empty,
    candle_ranges,
    refuse_other_unit,
    time_ms,
)
from crypto_prices.fetch.sources.sent_candles import SentCandle, sent_candle

log = logging.getLogger(__name__)

MAX_ROWS = 10_000
"""Maximum number of candles in one response."""

_LISTS = "/v2/conf/pub:list:pair:exchange,pub:list:currency"
_TRADING = "t"  # the beginning of a trading pair's symbol; that of a funding currency begins with f
_WRONG_PARAMETER, _RATE_LIMIT = 10020, 11010
_RATE_LIMIT_TEXT = "ERR_RATE_LIMIT"
_BLOCK_SECONDS = 60.0
_TIME = 0  # column of a row
_FIELDS = 6
_PLACES = {"open_price": 1, "close_price": 2, "high_price": 3, "low_price": 4, "base_volume": 5}


class BitfinexSource(Source):
    """Candles of Bitfinex's exchange pairs."""

    name: ClassVar[str] = "bitfinex"
    default_api_url: ClassVar[str] = "https://api-pub.bitfinex.com"
    exchange_symbol_pattern: ClassVar[re.Pattern[str]] = re.compile(r"t(?:[A-Z0-9]{6}|[A-Z0-9]{1,16}:[A-Z0-9]{1,16})")
    rows_per_request: ClassVar[int] = MAX_ROWS
    bytes_per_record: ClassVar[int] = 65
    requests_per_second: ClassVar[float] = 0.45  # of 0.5: 30 per minute
    max_connections: ClassVar[int] = 2
    # An unknown error, a concurrency error (…/abbreviations-glossary), the rate limit, and "maintenance", as noted in
    # arthurk/bitfinex-ohlc-import.
    temporary_error_codes: ClassVar[frozenset[int | str]] = frozenset({10000, 10008, _RATE_LIMIT, 20060})
    fatal_error_codes: ClassVar[frozenset[int | str]] = frozenset({_WRONG_PARAMETER})
    candle_intervals: ClassVar[Mapping[str, timedelta]] = MappingProxyType(
        {
            **{f"{minutes}m": timedelta(minutes=minutes) for minutes in (1, 5, 15, 30)},
            **{f"{hours}h": timedelta(hours=hours) for hours in (1, 3, 6, 12)},
            "1d": timedelta(days=1),
        }
    )

    def required_wait(self, code: int | str | None, message: str, now: datetime) -> float | None:
        """Return the length of the block that follows a reached rate limit; see ``Source.required_wait``.

        "The IP is blocked for 60 seconds", with ``{"error": "ERR_RATE_LIMIT"}`` and without a Retry-After:
        https://docs.bitfinex.com/docs/requirements-and-limitations. ``["error", null, "ERR_RATE_LIMIT"]`` exists, too
        (ccxt/ccxt#18601).
        """
        return _BLOCK_SECONDS if code == _RATE_LIMIT or message == _RATE_LIMIT_TEXT else None

    def fetch_listings(self, client: HttpClient, exchange_symbols: Sequence[str]) -> Iterator[Listing]:
        """Yield the lists of all pairs and currencies; see ``Source.fetch_listings``."""
        response = client.get_json(self.api_url + _LISTS, headers=self.headers)
        yield Listing(response, _pairs(response))

    def fetch_pages(
        self, client: HttpClient, exchange_symbol: str, window: Window, candle_interval: str
    ) -> Iterator[Page]:
        """Yield the responses that together cover the window, oldest first; see ``Source.fetch_pages``.

        The window is split into ranges in advance. Paging cannot depend on the number of rows, because intervals
        without a trade are omitted.
        """
        market = self.checked_symbol(exchange_symbol)
        interval = self.interval_length(candle_interval)
        for first, last in candle_ranges(window, interval, MAX_ROWS):
            fetch = partial(self._fetch, client, market, first, last, interval, candle_interval)
            for response, rows in asked_twice_if_empty(fetch, _rows):
                times = (row[_TIME] for row in rows if isinstance(row, list) and row)
                refuse_other_unit(self.name, times, 1, window, response.url)
                yield Page(response=response, records=len(rows), first=first, end=last + interval)

    def read_candles(self, response: Response, candle_interval: str) -> Iterator[SentCandle]:
        """Yield the candles of a response; see ``Source.read_candles``."""
        for row in _rows(response):
            if isinstance(row, list) and len(row) >= _FIELDS:
                values = {column: row[place] for column, place in _PLACES.items()}
                yield from sent_candle(time_ms(row[_TIME], 1), values)

    def _fetch(
        self,
        client: HttpClient,
        market: str,
        first: datetime,
        last: datetime,
        interval: timedelta,
        candle_interval: str,
    ) -> Response:
        try:
            return client.get_json(
                # Bitfinex writes a day with a capital letter.
                f"{self.api_url}/v2/candles/trade:{candle_interval.replace('d', 'D')}:{market}/hist",
                params={
                    "start": _milliseconds(first),
                    "end": _milliseconds(last),
                    "limit": (last - first) // interval + 1,
                    "sort": 1,
                },
                headers=self.headers,
            )
        except FatalSourceError as error:
            if error.exchange_code != _WRONG_PARAMETER:
                raise
            raise FatalSourceError(
                f"bitfinex rejected the request for {market}: {error.problem}",
                "Correct the symbol in the settings, or remove it",
                error.url,
                error.status,
                error.exchange_code,
            ) from None


def _pairs(response: Response) -> dict[str, Pair]:
    """Return base and quote by symbol.

    A pair with a longer name than six letters has a colon between base and quote. In a shorter one, the list of
    currencies decides where the base ends. A pair that they do not decide is left out, as if it were not listed.
    """
    match response.json:
        case [list() as names, list() as currencies, *_] if names and currencies:
            pairs = [name for name in names if isinstance(name, str)]
            listed = {currency for currency in currencies if isinstance(currency, str)}
        case _:
            raise FatalSourceError(
                f"the response is not a list of pairs and a list of currencies: {excerpt(response.body)}",
                "Check that api_url is Bitfinex's API; if it is, its format has changed",
                response.url,
                response.status,
            )
    found: dict[str, Pair] = {}
    for name in pairs:
        base, colon, quote = name.partition(":")
        splits = (
            [(base, quote)]
            if colon
            else [(name[:n], name[n:]) for n in range(1, len(name)) if {name[:n], name[n:]} <= listed]
        )
        if len(splits) == 1:
            found[_TRADING + name] = Pair(*splits[0])
        else:
            log.warning("Bitfinex's currencies do not say what the base of %s is: %s", name, splits)
    return found


def _rows(response: Response) -> list[Any]:
    rows = response.json
    # An error is a list, too: ["error", 10000, "unknown"].
    if isinstance(rows, list) and rows[:1] != ["error"]:
        return rows
    raise FatalSourceError(
        f"bitfinex sent no list of candles: {excerpt(response.body)}",
        "Check that api_url is Bitfinex's API; if it is, its format has changed",
        response.url,
        response.status,
    )


def _milliseconds(instant: datetime) -> int:
    return int(instant.timestamp()) * 1000
