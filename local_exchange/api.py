"""The interface between the server and the exchange APIs, and the JSON encoding that all APIs share."""

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

from local_exchange.candles import CandleBook, MarketDataError, Premium, Row
from local_exchange.rules import RuleSwitch

_JSON_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_UNIX_SECONDS = re.compile(r"[0-9]{1,20}")
_ISO_8601 = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ].*)?")
_ENCODER = json.JSONEncoder(separators=(",", ":"), allow_nan=False)


class Source(StrEnum):
    """The APIs. The name of each is also its path prefix."""

    BINANCE = "binance"
    BITFINEX = "bitfinex"
    BITSTAMP = "bitstamp"
    COINBASE = "coinbase"
    COINGECKO = "coingecko"


class JsonNumber(str):
    """A decimal number that is written to JSON verbatim, so that no conversion to float changes its digits.

    Raises:
        MarketDataError: The text is not a JSON number.
    """

    __slots__ = ()

    def __new__(cls, text: str) -> JsonNumber:
        """Check the text and return it as a number."""
        if not _JSON_NUMBER.fullmatch(text):
            raise MarketDataError(f"{text!r} is not a JSON number")
        return super().__new__(cls, text)


class ApiError(Exception):
    """An error response of an API.

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
    """The columns of an API's rows that faults change.

    Attributes:
        times: Columns that contain a time. The first one is the time of the row.
        price: Column of the price that faults change: the close, or the only price.
        names: Names of the time column and the price column in the API's documentation.
        high: Column of the highest price; None if the rows are not candles.
        newest_first: Whether the first row is the latest one.
        length: Interval between two rows, in the unit of the times; None if the row's own two times define it.
        members: Names of all columns if rows are written as objects of texts; empty if they are written as arrays.
    """

    times: tuple[int, ...]
    price: int
    names: tuple[str, str]
    high: int | None = None
    newest_first: bool = False
    length: int | None = None
    members: tuple[str, ...] = ()

    def written(self, row: Any) -> Any:
        """Return a row as the API writes it. A malformed row that is not a list stays as it is."""
        if not self.members or not isinstance(row, list):
            return row
        texts = (str(value) if isinstance(value, int) else value for value in row)
        return dict(zip(self.members, texts, strict=False))


@dataclass(frozen=True)
class Page:
    """The correct response to a request for candles, before a fault changes it.

    Attributes:
        tables: Lists of rows. All have the same length, and rows with the same index belong together.
        shape: The columns of the rows.
        names: The names of the tables in the body; if empty, the body is the only table.
    """

    tables: tuple[list[Row], ...]
    shape: RowShape
    names: tuple[str, ...] = ()

    @property
    def row_count(self) -> int:
        """Number of candles in the response."""
        return len(self.tables[0])

    def document(self, tables: tuple[list[Any], ...] | None = None) -> Any:
        """Return the JSON body.

        Args:
            tables: Tables to write instead of the correct ones.
        """
        chosen = [[self.shape.written(row) for row in table] for table in (self.tables if tables is None else tables)]
        return dict(zip(self.names, chosen, strict=True)) if self.names else chosen[0]


class Api(ABC):
    """An exchange's API, with its own parameters, responses and errors.

    Args:
        book: The source of the candles.
        now: Returns the current time, timezone-aware; no candle opens after it.
        rules: The rules of the API that tests can change.
    """

    source: ClassVar[Source]
    candles_path: ClassVar[str]
    """werkzeug's rule for the path of candle requests, below the source's name."""
    empty_page: ClassVar[Page]
    """The response without candles."""
    premium: ClassVar[Premium | None] = None
    """The difference of its generated prices from the reference prices; None for an exchange that has those."""

    def __init__(self, book: CandleBook, now: Callable[[], datetime], rules: RuleSwitch) -> None:
        self._book = book
        self._now = now
        self._rules = rules

    @property
    def documents(self) -> Mapping[str, Callable[[Request], Any]]:
        """The API's other paths, each with a function that returns its JSON body for a request or raises ApiError."""
        return {}

    @staticmethod
    @abstractmethod
    def markets(book: CandleBook) -> frozenset[str]:
        """Return the markets that the API serves from a book, in the API's spelling."""

    @abstractmethod
    def symbol(self, request: Request, path: Mapping[str, str]) -> str | None:
        """Return the market of a candle request in the API's spelling, or None if the request has none.

        Args:
            request: The request.
            path: The variable parts of the request's path.
        """

    @abstractmethod
    def page(self, request: Request, path: Mapping[str, str]) -> Page:
        """Return the correct response to a request for candles; arguments as in ``symbol``.

        Raises:
            ApiError: The API rejects the request.
            MarketDataError: The recorded candles are invalid.
        """

    @abstractmethod
    def error(self, status: int, message: str) -> ApiError:
        """Return an error that the API does not document, in the API's format."""

    @abstractmethod
    def unknown_symbol(self) -> ApiError:
        """Return the API's error for an unknown market."""

    @abstractmethod
    def rate_limited(self, *, banned: bool = False) -> ApiError:
        """Return the API's error for too many requests.

        Args:
            banned: Whether the client ignored earlier errors of this kind. Only Binance makes this distinction.
        """

    @abstractmethod
    def server_error(self, status: int) -> ApiError:
        """Return the API's error for an internal failure."""

    def count_weight(self, path: str) -> Mapping[str, str]:
        """Count a request and return the headers that report the used weight; by default none.

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
            UnknownIntervalError: The book does not have the interval.
        """
        return self._book.candles(symbol, interval, start_ms=start_ms, end_ms=end_ms, limit=limit, now_ms=self._now_ms)


def milliseconds(instant: datetime) -> int:
    """Return a time in milliseconds since 1970, UTC."""
    return int(instant.timestamp() * 1000)


def parse_instant(text: str) -> int:
    """Parse Unix seconds or an ISO 8601 time and return milliseconds since 1970, UTC.

    Raises:
        ValueError: The text is neither.
    """
    if _UNIX_SECONDS.fullmatch(text):
        return int(text) * 1000
    if not _ISO_8601.fullmatch(text):
        raise ValueError(f"{text!r} is neither Unix seconds nor an ISO 8601 time")
    moment = datetime.fromisoformat(text)
    return milliseconds(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def dumps(document: Any) -> bytes:
    """Return a document as compact JSON, with each ``JsonNumber`` verbatim."""
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
