"""The interface of a source, which is an exchange's API, and the rules that all sources share.

A source pages through candles and passes each response on unchanged. It does not check candles; the Glue job does.
docs/how-to/add-a-source.md describes how to add a source.
"""

from __future__ import annotations

import logging
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from urllib.parse import urlsplit

from crypto_prices_contract.window import Window

from crypto_prices.fetch.errors import FatalSourceError
from crypto_prices.fetch.excerpt import excerpt
from crypto_prices.fetch.failures import ErrorRules
from crypto_prices.fetch.http_client import HttpClient, Response
from crypto_prices.fetch.markets import Pair
from crypto_prices.fetch.sources.sent_candles import SentCandle

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Page:
    """One response of a source.

    Attributes:
        response: The response: body, url (redacted), status, fetched_at.
        records: Number of records in the body, whether they are valid or not.
        first: Earliest opening time of the candles that the request asks for, UTC.
        end: All of them open before this time, UTC.
        surplus: Number of those records with a readable time outside the window, for sources known to send such
            records. They are stored like all others, but do not count as fetched.
    """

    response: Response
    records: int
    first: datetime
    end: datetime
    surplus: int = 0


@dataclass(frozen=True)
class Listing:
    """One response in which an exchange describes its markets.

    Attributes:
        response: The response.
        pairs: Base and quote by exchange symbol, of all markets in it or of some.
    """

    response: Response
    pairs: Mapping[str, Pair]


class Source(ABC):
    """An exchange's API. Subclasses set the class attributes and implement the abstract methods.

    Attributes:
        name: Name of the source in settings, keys and tables, in lower case.
        default_api_url: Base URL of the public API.
        exchange_symbol_pattern: Pattern of the exchange's market names. They become parts of URLs and object keys, so
            the pattern must not match ``/``, ``.`` or ``%``. It may match ``:`` or ``_``, but not both: object keys
            have ``_`` for ``:``.
        rows_per_request: Maximum number of candles in one response.
        bytes_per_record: Approximate size of one candle in a response, in bytes. Backfill plans use it.
        candle_intervals: The supported intervals and their lengths. Each must divide a day, because windows consist of
            whole days and a longer candle would belong to two of them.
        requests_per_second: The pace that the exchange allows without an API key, or slightly less.
        max_connections: Maximum number of concurrent requests: enough to keep that pace with responses that take
            about 200 ms.
        api_key_header: Name of the header with the API key; None if the source does not accept API keys.
        only_quote: Currency of all prices, if the source has only one; None otherwise.
        is_aggregator: Whether its prices are averages over exchanges, so that it is not a venue.
        temporary_error_codes: The exchange's own codes of errors that end by themselves, whatever the status of the
            response.
        fatal_error_codes: The exchange's own codes of errors that the same request would get again, whatever the
            status, for example with HTTP 500.

    Args:
        api_url: Base URL of the API, without a query; None for the public API.
        api_key: API key of the requests; None for requests without one.

    Raises:
        FatalSourceError: The URL is invalid, or the source does not accept API keys.
    """

    name: ClassVar[str]
    default_api_url: ClassVar[str]
    exchange_symbol_pattern: ClassVar[re.Pattern[str]]
    rows_per_request: ClassVar[int]
    bytes_per_record: ClassVar[int]
    candle_intervals: ClassVar[Mapping[str, timedelta]]
    requests_per_second: ClassVar[float]
    max_connections: ClassVar[int] = 4
    api_key_header: ClassVar[str | None] = None
    only_quote: ClassVar[str | None] = None
    is_aggregator: ClassVar[bool] = False
    temporary_error_codes: ClassVar[frozenset[int | str]] = frozenset()
    fatal_error_codes: ClassVar[frozenset[int | str]] = frozenset()

    def __init__(self, *, api_url: str | None = None, api_key: str | None = None) -> None:
        self.api_url = checked_api_url(api_url or self.default_api_url)
        if api_key is not None and self.api_key_header is None:
            raise FatalSourceError(
                f"{self.name} does not accept an API key", f"Remove connection_id from the settings of {self.name}"
            )
        self._api_key = api_key

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers of every request: the API key, if there is one."""
        if self._api_key is None or self.api_key_header is None:
            return {}
        return {self.api_key_header: self._api_key}

    @property
    def error_rules(self) -> ErrorRules:
        """The meaning of the exchange's error responses."""
        return ErrorRules(
            takes_api_key=self.api_key_header is not None,
            sends_api_key=self._api_key is not None,
            temporary_codes=self.temporary_error_codes,
            fatal_codes=self.fatal_error_codes,
            required_wait=self.required_wait,
        )

    def required_wait(self, code: int | str | None, message: str, now: datetime) -> float | None:
        """Return the wait in seconds that an error response requires without a Retry-After; None if it requires none.

        Args:
            code: The exchange's own error code.
            message: The beginning of its message.
            now: The current time, UTC.
        """
        return None

    def pair_of(self, exchange_symbol: str) -> Pair | None:
        """Return base and quote of a market if the symbol itself names them; None if the exchange must be asked.

        Args:
            exchange_symbol: A name that matches ``exchange_symbol_pattern``.

        Raises:
            MarketSettingsError: The symbol is unknown.
        """
        return None

    @abstractmethod
    def fetch_listings(self, client: HttpClient, exchange_symbols: Sequence[str]) -> Iterator[Listing]:
        """Yield the responses in which the exchange states base and quote of these markets.

        A symbol that is in none of them is not listed. One unlisted symbol does not hide others.

        Args:
            client: Sends the requests.
            exchange_symbols: Valid names, without those that ``pair_of`` knows.

        Raises:
            FatalSourceError: The response has an unknown format.
            RetryableSourceError: The source sent no usable response.
        """

    @abstractmethod
    def fetch_pages(
        self, client: HttpClient, exchange_symbol: str, window: Window, candle_interval: str
    ) -> Iterator[Page]:
        """Yield the responses that together cover one market's candles in the window, oldest first.

        A request whose response has no records is sent once more, see ``asked_twice_if_empty``. Both responses are
        yielded.

        Args:
            client: Sends the requests.
            exchange_symbol: The exchange's name for the market, such as ``BTCUSDT``.
            window: Whole UTC days. The caller checks that they have ended, see ``refuse_unclosed``.
            candle_interval: One of ``candle_intervals``.

        Raises:
            FatalSourceError: The symbol or interval is unknown, or the response has an unknown format.
            RetryableSourceError: The source sent no usable response.
        """

    @abstractmethod
    def read_candles(self, response: Response, candle_interval: str) -> Iterator[SentCandle]:
        """Yield the candles in a response from ``fetch_pages`` that the Glue job would accept, in any order.

        The audit compares them with the loaded candles.

        Args:
            response: The response.
            candle_interval: The requested interval.
        """

    def pause_seconds(self, headers: Mapping[str, str], now: datetime) -> float:
        """Return the pause in seconds that these headers demand before the next request; 0 if they demand none.

        Args:
            headers: Headers of the response, case-insensitive.
            now: When the response arrived, UTC.
        """
        return 0.0

    def checked_symbol(self, exchange_symbol: str) -> str:
        """Return the exchange symbol if it is valid.

        Raises:
            FatalSourceError: It does not match ``exchange_symbol_pattern``.
        """
        if not self.exchange_symbol_pattern.fullmatch(exchange_symbol):
            raise FatalSourceError(
                f"{exchange_symbol!r} is not a market of {self.name}: "
                f"names match {self.exchange_symbol_pattern.pattern}",
                "Correct the symbols in the settings",
            )
        return exchange_symbol

    def interval_length(self, candle_interval: str) -> timedelta:
        """Return the length of a candle.

        Raises:
            FatalSourceError: The source has no such interval.
        """
        try:
            return self.candle_intervals[candle_interval]
        except KeyError:
            raise FatalSourceError(
                f"{self.name} has no candles of {candle_interval!r} that fit into whole days",
                f"Set candle_interval to one of: {', '.join(self.candle_intervals)}",
            ) from None


_INTEGER = re.compile(r"(-?)0*([0-9]{1,19})")
_LAST_MS = 253_402_300_799_999  # the end of the year 9999


def time_ms(value: Any, unit_ms: int) -> int | None:
    """Return a time from a response in milliseconds since 1970, UTC; None if the value is not a time.

    The Glue job has the same rules (glue_scripts/crypto_prices_etl/candles.py): a whole number, as a number or as
    text, in the years 1970 to 9999.

    Args:
        value: A value of any type from the parsed response.
        unit_ms: The source's unit in milliseconds: 1, or 1000 for seconds.
    """
    number = _whole_number(value)
    if number is None:
        return None
    milliseconds = number * unit_ms
    return milliseconds if 0 <= milliseconds <= _LAST_MS else None


def _whole_number(value: Any) -> int | None:
    if isinstance(value, str):
        match = _INTEGER.fullmatch(value)
        value = int(match[1] + match[2]) if match else None
    return None if isinstance(value, bool) or not isinstance(value, int) else value


_UNITS_PER_SECOND = {"seconds": 1, "milliseconds": 1000, "microseconds": 1_000_000, "nanoseconds": 1_000_000_000}
_NEAR_SECONDS = 366 * 86_400
"""Times this close to the window are in the right unit. Another unit differs by a factor of 1000, which is decades."""


def refuse_other_unit(source: str, values: Iterable[Any], unit_ms: int, window: Window, url: str) -> None:
    """Refuse a response whose times have another unit than the source's, such as microseconds for milliseconds.

    Read in the wrong unit, such times are far outside the window. They would look like candles that the exchange does
    not have.

    Args:
        source: Name of the source.
        values: The times in the response, of any type.
        unit_ms: The source's unit in milliseconds: 1, or 1000 for seconds.
        window: The requested window.
        url: URL of the request for the message, redacted.

    Raises:
        FatalSourceError: A time is in the window's years if it is read in another unit, but not in the source's.
    """
    start, end = window.starts_at.timestamp() - _NEAR_SECONDS, window.ends_at.timestamp() + _NEAR_SECONDS
    for value in values:
        number = _whole_number(value)
        if number is None:
            continue
        fitting = [unit for unit, per_second in _UNITS_PER_SECOND.items() if start <= number // per_second < end]
        expected = next(unit for unit, per_second in _UNITS_PER_SECOND.items() if per_second * unit_ms == 1000)
        if fitting and expected not in fitting:
            moment = datetime.fromtimestamp(number // _UNITS_PER_SECOND[fitting[0]], UTC)
            raise FatalSourceError(
                f"{source} sent the time {number}, which is in {fitting[0]} ({moment:%Y-%m-%dT%H:%M:%SZ}), but its "
                f"times must be in {expected}",
                f"Check that api_url is the API of {source}; if it is, its format has changed",
                url,
            )


def asked_twice_if_empty(
    fetch: Callable[[], Response], rows: Callable[[Response], list[Any]]
) -> Iterator[tuple[Response, list[Any]]]:
    """Yield a response and its rows. A response without rows is requested once more, so then there are two.

    An exchange in trouble may send an empty list instead of an error. If it does so twice, the warehouse records its
    candles as missing for a reason that the audit requests again.

    Args:
        fetch: Sends the request.
        rows: Returns the rows of a response.
    """
    response = fetch()
    found = rows(response)
    yield response, found
    if found:
        return
    response = fetch()
    found = rows(response)
    if found:
        log.warning("A response without rows had %d when it was requested again (GET %s)", len(found), response.url)
    yield response, found


def count_surplus(times_ms: Iterable[int | None], window: Window) -> int:
    """Return the number of times outside the window. None does not count."""
    start_ms, end_ms = (int(instant.timestamp()) * 1000 for instant in (window.starts_at, window.ends_at))
    return sum(time is not None and not start_ms <= time < end_ms for time in times_ms)


def candle_ranges(window: Window, interval: timedelta, most_rows: int) -> Iterator[tuple[datetime, datetime]]:
    """Yield the open times of each request's first and last candle, both included, oldest first.

    Args:
        window: The window to fetch.
        interval: Length of a candle.
        most_rows: Maximum number of candles in one response.
    """
    first = window.starts_at
    while first < window.ends_at:
        end = min(first + most_rows * interval, window.ends_at)
        yield first, end - interval
        first = end


def pairs_of_rows(response: Response, rows: Any, symbol: str, base: str, quote: str) -> dict[str, Pair]:
    """Return base and quote by exchange symbol from a list of objects, one per market.

    Rows without these texts are ignored, because they may be about other markets.

    Args:
        response: The response, for messages.
        rows: The list in it, unchecked.
        symbol: Name of the member with the exchange symbol.
        base: Name of the member with the base asset.
        quote: Name of the member with the quote currency.

    Raises:
        FatalSourceError: It is not a list, none of its rows has these texts, or two rows contradict each other.
    """
    found: dict[str, Pair] = {}
    for row in rows if isinstance(rows, list) else ():
        texts = [row.get(name) for name in (symbol, base, quote)] if isinstance(row, dict) else []
        match [text for text in texts if isinstance(text, str) and text]:
            case [exchange_symbol, base_asset, quote_currency]:
                pair = Pair(base_asset, quote_currency)
            case _:
                continue
        if found.setdefault(exchange_symbol, pair) != pair:
            raise FatalSourceError(
                f"the response lists {exchange_symbol} as {found[exchange_symbol]} and as {pair}",
                "Clarify with the exchange which of them is right",
                response.url,
                response.status,
            )
    if not found:
        raise FatalSourceError(
            f"the response is not a list of markets with {symbol}, {base} and {quote}: {excerpt(response.body)}",
            "Check that api_url is the exchange's API; if it is, its format has changed",
            response.url,
            response.status,
        )
    return found


def refuse_unclosed(window: Window, now: datetime) -> None:
    """Refuse a window whose candles are not all closed. The values of an open candle still change.

    A window is closed from the moment of its end. There is no grace period.

    Args:
        window: The window to fetch.
        now: The current time, timezone-aware.

    Raises:
        FatalSourceError: The window ends after ``now``.
    """
    if now.tzinfo is None:
        raise ValueError("now must have a time zone, to be compared with a window in UTC")
    if now < window.ends_at:
        raise FatalSourceError(
            f"the window [{window.start}, {window.end}) has not ended: its last candles are still open "
            f"at {now.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
            f"Fetch it at {window.ends_at:%Y-%m-%dT%H:%M:%SZ} or later",
        )


def checked_api_url(api_url: str) -> str:
    """Return the base URL without a trailing slash.

    Raises:
        FatalSourceError: It is not a plain http(s) URL. User info, a query or a fragment is not allowed.
    """
    try:
        parts = urlsplit(api_url)
        is_plain = parts.scheme in ("http", "https") and parts.hostname and not (parts.query or parts.fragment)
        has_user = "@" in parts.netloc
    except ValueError:
        is_plain, has_user = False, False
    if not is_plain or has_user:
        # The message does not show the value, because it may contain a password.
        raise FatalSourceError(
            "api_url is not the base URL of an API", "Set it to a URL such as https://data-api.binance.vision"
        )
    return api_url.rstrip("/")
