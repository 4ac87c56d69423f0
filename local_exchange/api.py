"""What the exchange APIs have in common: what an API has to offer to the server, and how its answers are written."""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, ClassVar

from werkzeug.wrappers import Request

from local_exchange.candles import CandleBook, MarketDataError, Row
from local_exchange.rules import RuleSwitch

_JSON_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_UNIX_SECONDS = re.compile(r"[0-9]{1,20}")
_ISO_8601 = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ].*)?")
_ENCODER = json.JSONEncoder(separators=(",", ":"), allow_nan=False)


class Source(StrEnum):
    """The APIs; each answers below its name."""

    BINANCE = "binance"
    COINBASE = "coinbase"
    COINGECKO = "coingecko"


class JsonNumber(str):
    """A decimal number that is written to JSON as it is spelt, so that no float changes its digits.

    Raises:
        MarketDataError: The text is no JSON number.
    """

    __slots__ = ()

    def __new__(cls, text: str) -> JsonNumber:
        """Return the number that a text spells."""
        if not _JSON_NUMBER.fullmatch(text):
            raise MarketDataError(f"{text!r} is no number that JSON can hold")
        return super().__new__(cls, text)


class ApiError(Exception):
    """An error that an API answers with.

    Args:
        status: HTTP status.
        document: The JSON body, in the API's own shape.
    """

    def __init__(self, status: int, document: Any) -> None:
        super().__init__(status, document)
        self.status = status
        self.document = document


@dataclass(frozen=True)
class RowShape:
    """Where the rows of an API hold what faults spoil.

    Attributes:
        times: Columns that hold a time; the first one is the row's own.
        price: Column of the price that is spoilt: the close, or the only price.
        names: What the columns of the time and of the price are called in the API's documentation.
        high: Column of the highest price; None if the rows are no candles.
        newest_first: The first row is the latest.
        length: How much later the next row is, in the unit of the times; None if two columns of the row tell.
    """

    times: tuple[int, ...]
    price: int
    names: tuple[str, str]
    high: int | None = None
    newest_first: bool = False
    length: int | None = None


@dataclass(frozen=True)
class Page:
    """The right answer to a request for candles, before a fault spoils it.

    Attributes:
        tables: Lists of rows. They are as long as each other, and rows of the same number belong together.
        shape: What the rows look like.
        names: The names of the tables in the body; without any, the body is the one table.
    """

    tables: tuple[list[Row], ...]
    shape: RowShape
    names: tuple[str, ...] = ()

    @property
    def row_count(self) -> int:
        """How many candles the answer has."""
        return len(self.tables[0])

    def document(self, tables: tuple[list[Any], ...] | None = None) -> Any:
        """Return the JSON body.

        Args:
            tables: Other tables than the right ones.
        """
        chosen = self.tables if tables is None else tables
        return dict(zip(self.names, chosen, strict=True)) if self.names else chosen[0]


class Api(ABC):
    """An exchange's API, in its own words.

    Args:
        book: Where the candles come from.
        now: The current instant, timezone-aware; no candle opens after it.
        rules: What the tests can change about the API's rules.
    """

    source: ClassVar[Source]
    candles_path: ClassVar[str]
    """werkzeug's rule of the path that candles are asked for at, below the source's name."""
    empty_page: ClassVar[Page]
    """The answer without candles."""

    def __init__(self, book: CandleBook, now: Callable[[], datetime], rules: RuleSwitch) -> None:
        self._book = book
        self._now = now
        self._rules = rules

    @property
    def documents(self) -> Mapping[str, Callable[[], Any]]:
        """The API's other addresses, and what makes the JSON body of each; they take no parameters."""
        return {}

    @abstractmethod
    def symbol(self, request: Request, path: Mapping[str, str]) -> str | None:
        """Return the market that a request for candles names, in the API's spelling; None if it names none.

        Args:
            request: The request.
            path: The variable parts of its path.
        """

    @abstractmethod
    def page(self, request: Request, path: Mapping[str, str]) -> Page:
        """Return the right answer to a request for candles; arguments as in ``symbol``.

        Raises:
            ApiError: The API refuses the request.
            MarketDataError: The recorded candles are broken.
        """

    @abstractmethod
    def error(self, status: int, message: str) -> ApiError:
        """Return an error that the API's documentation has no words for, in its shape."""

    @abstractmethod
    def unknown_symbol(self) -> ApiError:
        """Return what the API answers if it has no such market."""

    @abstractmethod
    def rate_limited(self, *, banned: bool = False) -> ApiError:
        """Return what the API answers to too many requests.

        Args:
            banned: They did not stop after it had said so; only Binance makes a difference.
        """

    @abstractmethod
    def server_error(self, status: int) -> ApiError:
        """Return what the API answers if it fails itself."""

    def count_weight(self, path: str) -> Mapping[str, str]:
        """Count a request, and return the headers with which the API tells what was used; by default none.

        Args:
            path: The path below the source's name.
        """
        return {}

    @property
    def _now_ms(self) -> int:
        return milliseconds(self._now())

    def _candles(
        self, symbol: str, interval: str, *, start_ms: int | None, end_ms: int | None, limit: int
    ) -> list[Row]:
        """Return candles of the book up to now; see ``CandleBook.candles``.

        Raises:
            UnknownIntervalError: The book has no such interval.
        """
        return self._book.candles(symbol, interval, start_ms=start_ms, end_ms=end_ms, limit=limit, now_ms=self._now_ms)


def milliseconds(instant: datetime) -> int:
    """Return an instant in milliseconds since 1970, UTC."""
    return int(instant.timestamp() * 1000)


def parse_instant(text: str) -> int:
    """Return a time that is written as Unix seconds or in ISO 8601, in milliseconds since 1970, UTC.

    Raises:
        ValueError: It is neither.
    """
    if _UNIX_SECONDS.fullmatch(text):
        return int(text) * 1000
    if not _ISO_8601.fullmatch(text):
        raise ValueError(f"{text!r} is no time")
    moment = datetime.fromisoformat(text)
    return milliseconds(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def dumps(document: Any) -> bytes:
    """Return a document as compact JSON, each ``JsonNumber`` as it is spelt."""
    return _written(document).encode()


def _written(document: Any) -> str:
    if isinstance(document, JsonNumber):
        return document
    if isinstance(document, list | tuple):
        return f"[{','.join(map(_written, document))}]"
    if isinstance(document, dict):
        return (
            "{" + ",".join(f"{_ENCODER.encode(str(name))}:{_written(value)}" for name, value in document.items()) + "}"
        )
    return _ENCODER.encode(document)
