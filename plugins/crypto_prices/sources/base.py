"""What a source is: an exchange's API behind one interface, and the rules that hold for all of them.

A source pages through candles and hands on each answer as it came. It does not judge candles: the Glue job does.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import ClassVar
from urllib.parse import urlsplit

from crypto_prices.errors import FatalSourceError
from crypto_prices.http_client import HttpClient, Response
from crypto_prices.window import Window


@dataclass(frozen=True)
class Page:
    """One answer of a source.

    Attributes:
        response: The answer: body, url (redacted), status, fetched_at.
        records: Number of records in the body, whatever they look like.
    """

    response: Response
    records: int


class Source(ABC):
    """An exchange's API. Subclasses set the class attributes and implement ``fetch_pages``.

    Attributes:
        name: Name of the source in settings, keys and tables; lower case.
        default_api_url: Base URL of the public API.
        exchange_symbol_pattern: What the exchange's market names look like. They become parts of URLs and of object
            keys, so a pattern must not let ``/``, ``.`` or ``%`` through.
        rows_per_request: Most candles that one answer holds.
        bytes_per_record: Length of one candle in an answer, roughly; for plans.
        quote_currencies: Currencies that markets are priced in.
        candle_intervals: The intervals that can be fetched, with their lengths. Each divides a day: a window is made
            of whole days, and a longer candle would belong to two of them.

    Args:
        api_url: Base URL of the API, without query; None for the public one.
    """

    name: ClassVar[str]
    default_api_url: ClassVar[str]
    exchange_symbol_pattern: ClassVar[re.Pattern[str]] = re.compile(r"[A-Z0-9]{2,20}")
    rows_per_request: ClassVar[int]
    bytes_per_record: ClassVar[int]
    quote_currencies: ClassVar[tuple[str, ...]]
    candle_intervals: ClassVar[Mapping[str, timedelta]]

    def __init__(self, *, api_url: str | None = None) -> None:
        self.api_url = checked_api_url(api_url or self.default_api_url)

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

    def market(self, exchange_symbol: str) -> tuple[str, str]:
        """Return the canonical symbol and the quote currency of a market: ``BTCUSDT`` is ``("BTC", "USDT")``.

        Raises:
            FatalSourceError: It is not a market's name, or its quote currency is not known.
        """
        return split_market(self.checked_symbol(exchange_symbol), self.quote_currencies)

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
