"""CoinGecko prices: ``GET /api/v3/coins/{id}/market_chart/range``, with a key or without.

Sources: https://docs.coingecko.com/reference/coins-id-market-chart-range (points are hourly for ranges of 2 to 90 days,
finer for the last day, daily for longer ranges) and https://docs.coingecko.com/docs/errors-and-rate-limits.

CoinGecko has no candles. Its hourly points are prices at times shortly after each full hour. A point becomes the
``open_price`` of its hour, with the market cap; the other columns stay empty. Its volumes cover the 24 hours before
each point, so the volume of an hour cannot be derived. They are stored in the raw zone, but not curated.

A request names the coin by its id and the currency, so both are known without a list of markets.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import pairwise
from types import MappingProxyType
from typing import Any, ClassVar
from urllib.parse import urlsplit

from crypto_prices_contract.window import Window

from crypto_prices.fetch.asset_names import has_meaning
from crypto_prices.fetch.errors import FatalSourceError, MarketSettingsError
from crypto_prices.fetch.excerpt import excerpt
from crypto_prices.fetch.http_client import HttpClient, Response
from crypto_prices.fetch.markets import Pair
from crypto_prices.fetch.sources.base import (
    Listing,
    Page,
    Source,
    asked_twice_if_empty,
    count_surplus,
    refuse_other_unit,
    time_ms,
)
from crypto_prices.fetch.sources.sent_candles import SentCandle, sent_candle

QUOTE_CURRENCY = "USD"
TABLES = ("prices", "market_caps", "total_volumes")
"""Members of a response: lists of ``[ms, number]``. Entries with the same time belong together. Lists may lack some."""

_LONGEST_HOURLY = timedelta(days=90)
_SHORTEST_HOURLY = timedelta(days=2)
_LATEST_MS = 15 * 60_000  # of a point after the start of its interval, as in the Glue job's parser
_NOT_FOUND = 404
_OUT_OF_PLAN = 10012
_PRO_HOST, _PRO_HEADER = "pro-api.coingecko.com", "x-cg-pro-api-key"


class CoinGeckoSource(Source):
    """Prices of CoinGecko's coins in US dollars."""

    name: ClassVar[str] = "coingecko"
    default_api_url: ClassVar[str] = "https://api.coingecko.com"
    exchange_symbol_pattern: ClassVar[re.Pattern[str]] = re.compile(r"[a-z0-9]+(-[a-z0-9]+){0,8}")
    rows_per_request: ClassVar[int] = _LONGEST_HOURLY // timedelta(hours=1)
    bytes_per_record: ClassVar[int] = 110
    # 5 per minute without a key ("5 to 15, depending on usage"). A demo key allows 30: settings.requests_per_second.
    requests_per_second: ClassVar[float] = 5 / 60
    max_connections: ClassVar[int] = 2
    api_key_header: ClassVar[str | None] = "x-cg-demo-api-key"
    only_quote: ClassVar[str | None] = QUOTE_CURRENCY
    is_aggregator: ClassVar[bool] = True
    candle_intervals: ClassVar[Mapping[str, timedelta]] = MappingProxyType({"1h": timedelta(hours=1)})

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers of every request. Paid plans use a different host and header. See ``Source.headers``."""
        if self._api_key is not None and urlsplit(self.api_url).hostname == _PRO_HOST:
            return {_PRO_HEADER: self._api_key}
        return super().headers

    def pair_of(self, exchange_symbol: str) -> Pair:
        """Return the coin's id and US dollars; see ``Source.pair_of``."""
        if has_meaning(self.name, exchange_symbol):
            return Pair(exchange_symbol, QUOTE_CURRENCY)
        raise MarketSettingsError(
            f"coin {exchange_symbol!r} of coingecko is unknown",
            "Correct the symbols in the settings of coingecko, or state the coin's name there: "
            f'"markets": {{"{exchange_symbol}": "BASE/{QUOTE_CURRENCY}"}}',
        )

    def fetch_listings(self, client: HttpClient, exchange_symbols: Sequence[str]) -> Iterator[Listing]:
        """Yield nothing, because a request names coin and currency itself; see ``Source.fetch_listings``."""
        yield from ()

    def fetch_pages(
        self, client: HttpClient, exchange_symbol: str, window: Window, candle_interval: str
    ) -> Iterator[Page]:
        """Yield the responses that together cover the window, oldest first; see ``Source.fetch_pages``."""
        coin_id = self.checked_symbol(exchange_symbol)
        self.interval_length(candle_interval)
        for first, end in hourly_ranges(window):
            fetch = partial(self._fetch, client, coin_id, first, end)
            for response, prices in asked_twice_if_empty(fetch, _prices):
                times = [row[0] for row in prices if isinstance(row, list) and row]
                refuse_other_unit(self.name, times, 1, window, response.url)
                surplus = count_surplus((time_ms(time, 1) for time in times), window)
                # The Glue job creates a record for each price, and looks up the market cap by the price's time.
                yield Page(response=response, records=len(prices), first=first, end=end, surplus=surplus)

    def read_candles(self, response: Response, candle_interval: str) -> Iterator[SentCandle]:
        """Yield a candle for each point that is close to the start of its interval; see ``Source.read_candles``."""
        length_ms = self.interval_length(candle_interval) // timedelta(milliseconds=1)
        prices = _prices(response)
        caps: dict[Any, list[Any]] = {}
        for row in response.json["market_caps"]:
            if isinstance(row, list) and len(row) > 1 and isinstance(row[0], int | str):
                numbers = caps.setdefault(row[0], [])
                numbers += [] if row[1] in numbers else [row[1]]
        for row in prices:
            time = time_ms(row[0], 1) if isinstance(row, list) and len(row) > 1 else None
            # Several market caps of one time contradict each other.
            if time is None or time % length_ms > _LATEST_MS or len(caps.get(row[0], ())) > 1:
                continue
            cap = next(iter(caps.get(row[0], ())), None)
            values = {"open_price": row[1], "market_cap": cap}
            yield from sent_candle(time - time % length_ms, values, frozenset({"market_cap"}))

    def _fetch(self, client: HttpClient, coin_id: str, first: datetime, end: datetime) -> Response:
        try:
            return client.get_json(
                f"{self.api_url}/api/v3/coins/{coin_id}/market_chart/range",
                params={
                    "vs_currency": QUOTE_CURRENCY.lower(),
                    "from": int(first.timestamp()),
                    "to": int(end.timestamp()) - 1,
                    # As many decimals as the fact table has. "full" returns all decimals of a binary double, often
                    # 20 or more.
                    "precision": 18,
                },
                headers=self.headers,
            )
        except FatalSourceError as error:
            if error.status == _NOT_FOUND:
                problem, advice = f"coingecko has no coin {coin_id}", "Remove the symbol from the settings"
            elif error.exchange_code == _OUT_OF_PLAN:
                problem = f"coingecko requires a paid plan for days as old as {first:%Y-%m-%d}"
                advice = "Load newer days, or set connection_id and api_url for a plan that includes older days"
            else:
                raise
            raise FatalSourceError(
                f"{problem}: {error.problem}", advice, error.url, error.status, error.exchange_code
            ) from None


def hourly_ranges(window: Window) -> Iterator[tuple[datetime, datetime]]:
    """Yield the ranges [first, end) to request. CoinGecko returns hourly points for each of these lengths.

    A window of one day is requested together with the day before it. A shorter range that touches the last 24 hours
    would return a point every five minutes. A longer window is split into parts of about equal length, none of which is
    that short.
    """
    length = window.ends_at - window.starts_at
    parts = -(-length // _LONGEST_HOURLY)
    cuts = [window.starts_at + timedelta(days=length.days * part // parts) for part in range(parts + 1)]
    for first, end in pairwise(cuts):
        yield min(first, end - _SHORTEST_HOURLY), end


def _prices(response: Response) -> list[Any]:
    document = response.json if isinstance(response.json, dict) else {}
    tables = {name: document[name] for name in TABLES if isinstance(document.get(name), list)}
    if len(tables) < len(TABLES):
        raise FatalSourceError(
            f"coingecko did not send prices, market caps and volumes: {excerpt(response.body)}",
            "Check that api_url is CoinGecko's API; if it is, its format has changed",
            response.url,
            response.status,
        )
    prices: list[Any] = tables["prices"]
    return prices
