"""What a source is: an exchange's API behind one interface, and the rules that hold for all of them.

A source pages through candles and hands on each answer as it came. It does not judge candles: the Glue job does.
docs/how-to/add-a-source.md adds one, step by step.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from urllib.parse import urlsplit

from crypto_prices_contract.markets import Market
from crypto_prices_contract.window import Window

from crypto_prices.fetch.errors import FatalSourceError
from crypto_prices.fetch.http_client import HttpClient, Response
from crypto_prices.fetch.markets import CANONICAL_ASSETS


@dataclass(frozen=True)
class Page:
    """One answer of a source.

    Attributes:
        response: The answer: body, url (redacted), status, fetched_at.
        records: Number of records in the body, whatever they look like.
        surplus: Those of them that are readably of a time outside of the window, where the source is known to give
            such: they are landed like all others, and are not part of what was fetched.
    """

    response: Response
    records: int
    surplus: int = 0


class Source(ABC):
    """An exchange's API. Subclasses set the class attributes and implement ``split_symbol`` and ``fetch_pages``.

    Attributes:
        name: Name of the source in settings, keys and tables; lower case.
        default_api_url: Base URL of the public API.
        exchange_symbol_pattern: What the exchange's market names look like. They become parts of URLs and of object
            keys, so a pattern must not let ``/``, ``.`` or ``%`` through.
        rows_per_request: Most candles that one answer holds.
        bytes_per_record: Length of one candle in an answer, roughly; for plans.
        candle_intervals: The intervals that can be fetched, with their lengths. Each divides a day: a window is made
            of whole days, and a longer candle would belong to two of them.
        requests_per_second: The pace that the exchange allows without a key, or somewhat less.
        max_connections: Most requests at once. As many as keep that pace while answers take some 200 ms.
        api_key_header: The header that carries an API key; None when the source takes none.

    Args:
        api_url: Base URL of the API, without query; None for the public one.
        api_key: Secret that the source is asked with; None to ask without one.

    Raises:
        FatalSourceError: The URL is not one, or the source takes no key.
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

    def __init__(self, *, api_url: str | None = None, api_key: str | None = None) -> None:
        self.api_url = checked_api_url(api_url or self.default_api_url)
        if api_key is not None and self.api_key_header is None:
            raise FatalSourceError(
                f"{self.name} takes no API key", f"Take connection_id out of the settings of {self.name}"
            )
        self._api_key = api_key

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers of every request: the API key, if there is one."""
        if self._api_key is None or self.api_key_header is None:
            return {}
        return {self.api_key_header: self._api_key}

    @abstractmethod
    def split_symbol(self, exchange_symbol: str) -> tuple[str, str]:
        """Return base asset and quote currency of a market, as the exchange calls them.

        Args:
            exchange_symbol: A name that matches ``exchange_symbol_pattern``.

        Raises:
            FatalSourceError: It cannot be told what the market is.
        """

    @abstractmethod
    def fetch_pages(
        self, client: HttpClient, exchange_symbol: str, window: Window, candle_interval: str
    ) -> Iterator[Page]:
        """Yield the answers that together cover the window's candles of one market, oldest first.

        Args:
            client: Makes the requests.
            exchange_symbol: The exchange's name of the market, such as ``BTCUSDT``.
            window: Whole UTC days. Whether they have ended is the caller's concern, see ``refuse_unclosed``.
            candle_interval: One of ``candle_intervals``.

        Raises:
            FatalSourceError: The symbol or interval is unknown, or the source breaks its contract.
            RetryableSourceError: The source does not answer.
        """

    def pause_seconds(self, headers: Mapping[str, str], now: datetime) -> float:
        """Return how long no request should be made after an answer with these headers: 0 when they do not say.

        Args:
            headers: Headers of the answer, case-insensitive.
            now: When it came, UTC.
        """
        return 0.0

    def market(self, exchange_symbol: str) -> Market:
        """Return the market of a name: ``BTCUSDT`` is ``BTC/USDT``.

        Raises:
            FatalSourceError: It is not a market's name, or it cannot be told what it is priced in.
        """
        canonical = CANONICAL_ASSETS.get(self.name, {})
        base, quote = self.split_symbol(self.checked_symbol(exchange_symbol))
        return Market(exchange_symbol, canonical.get(base, base), canonical.get(quote, quote))

    def markets(self, exchange_symbols: Iterable[str]) -> list[Market]:
        """Return the markets of names, in their order.

        Raises:
            FatalSourceError: As ``market``; or two names are the same market, whose candles would contradict each
                other.
        """
        found = [self.market(exchange_symbol) for exchange_symbol in exchange_symbols]
        by_name: dict[str, str] = {}
        for market in found:
            other = by_name.setdefault(market.name, market.exchange_symbol)
            if other != market.exchange_symbol:
                raise FatalSourceError(
                    f"{other} and {market.exchange_symbol} of {self.name} are the same market, {market.name}",
                    "Take one of them out of the settings",
                )
        return found

    def checked_symbol(self, exchange_symbol: str) -> str:
        """Return the market's name if it is one.

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
    """Return a time of an answer in milliseconds since 1970, UTC; None where it is none.

    It reads what the Glue job reads (glue_scripts/crypto_prices_etl/candles.py): whole numbers, also as text, of the
    years 1970 to 9999.

    Args:
        value: A value of the parsed answer, whatever it is.
        unit_ms: Milliseconds of the source's unit: 1, or 1000 for seconds.
    """
    if isinstance(value, str):
        match = _INTEGER.fullmatch(value)
        value = int(match[1] + match[2]) if match else None
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    milliseconds = value * unit_ms
    return milliseconds if 0 <= milliseconds <= _LAST_MS else None


def count_surplus(times_ms: Iterable[int | None], window: Window) -> int:
    """Return how many times lie outside of the window; what is no time does not count."""
    start_ms, end_ms = (int(instant.timestamp()) * 1000 for instant in (window.starts_at, window.ends_at))
    return sum(time is not None and not start_ms <= time < end_ms for time in times_ms)


def candle_ranges(window: Window, interval: timedelta, most_rows: int) -> Iterator[tuple[datetime, datetime]]:
    """Yield the open times of the first and the last candle of each request, both included, oldest first.

    Args:
        window: What is to be fetched.
        interval: Length of a candle.
        most_rows: Most candles that one answer holds.
    """
    first = window.starts_at
    while first < window.ends_at:
        end = min(first + most_rows * interval, window.ends_at)
        yield first, end - interval
        first = end


def split_market(exchange_symbol: str, quote_currencies: Iterable[str]) -> tuple[str, str]:
    """Return base and quote of a market's name that is both written together; the longest quote that fits wins.

    Raises:
        FatalSourceError: The name ends with none of the quote currencies, or is nothing but one.
    """
    fitting = [
        quote for quote in quote_currencies if exchange_symbol.endswith(quote) and len(exchange_symbol) > len(quote)
    ]
    if not fitting:
        raise FatalSourceError(
            f"the quote currency of {exchange_symbol!r} is not known",
            f"Known ones: {', '.join(quote_currencies)}. Correct the symbols in the settings, "
            "or add the currency to the source",
        )
    quote = max(fitting, key=len)
    return exchange_symbol.removesuffix(quote), quote


def refuse_unclosed(window: Window, now: datetime) -> None:
    """Refuse a window whose candles are not all closed: an open candle's numbers still change. There is no grace.

    Args:
        window: What is to be fetched.
        now: The current instant, timezone-aware.

    Raises:
        FatalSourceError: The window ends after ``now``.
    """
    if now.tzinfo is None:
        raise ValueError("now must have a time zone, or it cannot be compared with a window, which is UTC")
    if now < window.ends_at:
        raise FatalSourceError(
            f"the window [{window.start}, {window.end}) has not ended: its last candles are still open "
            f"at {now.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
            f"Fetch it from {window.ends_at:%Y-%m-%dT%H:%M:%SZ} on",
        )


def checked_api_url(api_url: str) -> str:
    """Return the base URL without a trailing slash.

    Raises:
        FatalSourceError: It is not a plain http(s) address; user info, a query or a fragment is refused.
    """
    try:
        parts = urlsplit(api_url)
        is_plain = parts.scheme in ("http", "https") and parts.hostname and not (parts.query or parts.fragment)
        has_user = "@" in parts.netloc
    except ValueError:
        is_plain, has_user = False, False
    if not is_plain or has_user:
        # Not shown: what was typed into an address by mistake may be a password.
        raise FatalSourceError(
            "api_url is not the base address of an API", "Set it to something like https://data-api.binance.vision"
        )
    return api_url.rstrip("/")
