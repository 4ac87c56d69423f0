"""Binance spot candles: ``GET /api/v3/klines``, public data, no key.

Source of the facts: https://developers.binance.com/docs/binance-spot-api-docs/rest-api/market-data-endpoints
(klines) and …/errors. ``first_request`` and ``next_request`` decide what to ask for; ``fetch_pages`` asks.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, ClassVar

from crypto_prices_contract.window import Window

from crypto_prices.fetch.errors import FatalSourceError
from crypto_prices.fetch.excerpt import excerpt
from crypto_prices.fetch.http_client import HttpClient, Response
from crypto_prices.fetch.sources.base import Page, Source, split_market

log = logging.getLogger(__name__)

MAX_ROWS = 1000
"""Most rows that Binance gives in one answer."""

_KLINES = "/api/v3/klines"
_USED_WEIGHT_HEADER = "X-MBX-USED-WEIGHT-1M"
_WEIGHT_TO_PAUSE_AT = 5700.0  # of 6000 a minute: others at the same address may be asking at this moment
_INVALID_SYMBOL = -1121
_OPEN_TIME = 0  # column of a row
_PAGE_ALLOWANCE = 2
"""How many times the pages of a window without gaps may be asked for, so that a server that gives fewer rows than it
was asked for is still read to the end, and one that never ends is not."""


@dataclass(frozen=True)
class KlinesRequest:
    """One request for candles; both ends are included and in milliseconds since 1970, UTC."""

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
        """The most pages that this request can honestly take, with the one that says that there are no more."""
        candles = -(-(self.end_ms + 1 - self.start_ms) // self.interval_ms)
        return _PAGE_ALLOWANCE * -(-candles // self.limit) + 1


class BinanceSource(Source):
    """Candles of Binance's spot markets."""

    name: ClassVar[str] = "binance"
    default_api_url: ClassVar[str] = "https://data-api.binance.vision"
    rows_per_request: ClassVar[int] = MAX_ROWS
    bytes_per_record: ClassVar[int] = 170
    exchange_symbol_pattern: ClassVar[re.Pattern[str]] = re.compile(r"[A-Z0-9]{2,20}")
    requests_per_second: ClassVar[float] = 40.0  # of the 50 that 6000 weights a minute are, at 2 a request
    max_connections: ClassVar[int] = 8
    # No currency here may end with another one, and AEUR and IDR are left out although markets exist: with AEUR,
    # ADAEUR would be AD/AEUR, and with IDR next to BIDR, a name could be read in two ways.
    quote_currencies: ClassVar[tuple[str, ...]] = (
        *("USDT", "USDC", "FDUSD", "TUSD", "BUSD", "USDP", "USD1", "DAI"),
        *("BTC", "ETH", "BNB", "XRP", "TRX", "DOGE", "DOT", "SOL"),
        *("EUR", "GBP", "AUD", "TRY", "BRL", "ARS", "MXN", "COP", "JPY", "PLN", "RON", "CZK", "UAH", "ZAR", "NGN"),
        *("RUB", "BIDR", "IDRT", "EURI"),
    )
    candle_intervals: ClassVar[Mapping[str, timedelta]] = MappingProxyType(
        {
            "1s": timedelta(seconds=1),
            **{f"{minutes}m": timedelta(minutes=minutes) for minutes in (1, 3, 5, 15, 30)},
            **{f"{hours}h": timedelta(hours=hours) for hours in (1, 2, 4, 6, 8, 12)},
            "1d": timedelta(days=1),
        }
    )

    def split_symbol(self, exchange_symbol: str) -> tuple[str, str]:
        """Return base and quote, which Binance writes together; see ``Source.split_symbol``."""
        return split_market(exchange_symbol, self.quote_currencies)

    def pause_seconds(self, headers: Mapping[str, str], now: datetime) -> float:
        """Return the rest of the minute when its weight is almost used up, by whomever at this address.

        Source: "IP limits" in …/rest-api/limits: the header X-MBX-USED-WEIGHT-(intervalNum)(intervalLetter).
        """
        used = headers.get(_USED_WEIGHT_HEADER, "")
        if not (used.isascii() and used.isdigit()) or float(used) < _WEIGHT_TO_PAUSE_AT:
            return 0.0
        return 60.0 - now.second - now.microsecond / 1e6

    def fetch_pages(
        self, client: HttpClient, exchange_symbol: str, window: Window, candle_interval: str
    ) -> Iterator[Page]:
        """Yield the answers that together cover the window, oldest first; see ``Source.fetch_pages``.

        A market without candles in the window gives one page without records.
        """
        request: KlinesRequest | None = first_request(
            self.checked_symbol(exchange_symbol), window, candle_interval, self.interval_length(candle_interval)
        )
        assert request is not None  # noqa: S101 - for the type checker: the loop's variable becomes None at the end
        max_pages = request.max_pages
        for _ in range(max_pages):
            response = self._fetch(client, request)
            rows = _rows(response)
            yield Page(response=response, records=len(rows))
            request = next_request(request, rows, url=response.url)
            if request is None:
                return
        raise FatalSourceError(
            f"binance gave {max_pages} pages of {exchange_symbol} and they do not reach the end of "
            f"[{window.start}, {window.end})",
            "It gives fewer rows than it was asked for: check that api_url leads to Binance's spot API",
            response.url,
        )

    def _fetch(self, client: HttpClient, request: KlinesRequest) -> Response:
        try:
            return client.get_json(self.api_url + _KLINES, params=request.params, headers=self.headers)
        except FatalSourceError as error:
            if error.exchange_code != _INVALID_SYMBOL:
                raise
            raise FatalSourceError(
                f"binance has no market {request.exchange_symbol}: {error.problem}",
                "Take the symbol out of the settings, or correct it",
                error.url,
                error.status,
                error.exchange_code,
            ) from None


def first_request(
    exchange_symbol: str, window: Window, candle_interval: str, interval_length: timedelta
) -> KlinesRequest:
    """Return the request that asks for a window's first candles."""
    return KlinesRequest(
        exchange_symbol=exchange_symbol,
        candle_interval=candle_interval,
        interval_ms=interval_length // timedelta(milliseconds=1),
        start_ms=_milliseconds(window.starts_at),
        # endTime is inclusive and compared with open times: a candle that opens at the window's end is not ours.
        end_ms=_milliseconds(window.ends_at) - 1,
    )


def next_request(request: KlinesRequest, rows: list[Any], *, url: str | None = None) -> KlinesRequest | None:
    """Return the request after an answer, or None when the window is covered.

    The next page begins one interval after the latest open time that lies in the requested range. The latest and not
    the last one, so that rows in a wrong order do not lose any; in the range, so that a stray row beyond it does not
    end the paging early. The Glue job rejects such rows.

    A page that ends before the window does is not believed to be the last one, even if it is not full: the exchange
    may give fewer rows than asked for. Only an empty answer says that nothing is left.

    Rows whose open time cannot be read do not steer. If they come last, they are asked for again with the next page,
    so that a candle behind them is not lost; the Glue job counts both. If no row at all can be read, a page that is
    not full is taken as the last one, and a full page is an error, because nothing says where the next one begins.

    Args:
        request: The request that was answered.
        rows: The answer's list, unchecked.
        url: The answered request for messages, redacted.

    Raises:
        FatalSourceError: The answer does not lead on: it has nothing from the requested range.
    """
    if not rows:
        return None
    open_times = [time for time in map(_open_time, rows) if time is not None]
    in_range = [time for time in open_times if request.start_ms <= time <= request.end_ms]
    if in_range:
        start_ms = max(in_range) + request.interval_ms
        return replace(request, start_ms=start_ms) if start_ms <= request.end_ms else None
    if not open_times and len(rows) < request.limit:
        log.warning("None of %s's %d rows has an open time; taken as the last page", request.exchange_symbol, len(rows))
        return None
    raise FatalSourceError(
        f"a page of {len(rows)} rows of {request.exchange_symbol} does not advance: "
        + ("none of its candles opens in the requested range" if open_times else "no open time can be read in it"),
        "Paging on would never end. Check that api_url leads to Binance's spot API; if it does, its format has changed",
        url,
    )


def _rows(response: Response) -> list[Any]:
    if isinstance(response.json, list):
        return response.json
    raise FatalSourceError(
        f"binance answered with {type(response.json).__name__} instead of a list of candles: {excerpt(response.body)}",
        "Check that api_url leads to Binance's spot API; if it does, its format has changed",
        response.url,
        response.status,
    )


def _open_time(row: Any) -> int | None:
    """Return a row's open time in milliseconds, or None where there is none; true and false are no times."""
    time = row[_OPEN_TIME] if isinstance(row, list) and row else None
    return time if isinstance(time, int) and not isinstance(time, bool) else None


def _milliseconds(instant: datetime) -> int:
    return int(instant.timestamp()) * 1000
