"""The faults that the laptop's exchange can be told to have, and how they spoil an answer.

A fault is data. ``FaultPlan`` decides which one a request meets, ``spoil_page`` what it does to a page of candles; the
server does the rest. Faults are switched in code (``FaultPlan.replace``) or over HTTP (``PUT /exchange/_faults``)::

    {"seed": 7,
     "faults": [{"kind": "rate_limited", "symbol": "BTCUSDT", "times": 2, "retry_after": 1},
                {"kind": "empty", "source": "coinbase"},
                {"kind": "malformed_rows", "times": null, "malformations": ["null_price", "missing_column"]}]}

An API's rows differ from another's; a ``RowShape`` says where they hold what is spoilt.
"""

from __future__ import annotations

import random
import re
import threading
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from typing import Any, TypeVar

from local_exchange.api import JsonNumber, Page, RowShape, Source
from local_exchange.candles import Row

Kind = TypeVar("Kind", bound=StrEnum)

_LONGEST_DELAY_SECONDS = 120
_LONGEST_RETRY_AFTER_SECONDS = 7 * 24 * 3600
_SERVER_ERRORS = (500, 502, 503, 504)
_SYMBOL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,39}")


class FaultError(ValueError):
    """What was asked for is no fault; the message says why and what is possible."""


class FaultKind(StrEnum):
    """What can go wrong."""

    RATE_LIMITED = "rate_limited"
    SERVER_ERROR = "server_error"
    TIMEOUT = "timeout"
    CONNECTION_RESET = "connection_reset"
    CUT_OFF = "cut_off"
    NOT_JSON = "not_json"
    TRUNCATED_JSON = "truncated_json"
    UNKNOWN_SYMBOL = "unknown_symbol"
    EMPTY = "empty"
    DUPLICATE_ROWS = "duplicate_rows"
    CONFLICTING_DUPLICATE_ROWS = "conflicting_duplicate_rows"
    WRONG_ORDER = "wrong_order"
    MALFORMED_ROWS = "malformed_rows"
    UNCLOSED_CANDLE = "unclosed_candle"


_ROWS_NEEDED = {
    FaultKind.DUPLICATE_ROWS: 1,
    FaultKind.CONFLICTING_DUPLICATE_ROWS: 1,
    FaultKind.WRONG_ORDER: 2,
    FaultKind.MALFORMED_ROWS: 1,
    FaultKind.UNCLOSED_CANDLE: 1,
}
"""Faults that spoil rows, and how many there must be; a shorter page does not use such a fault up."""


class Malformation(StrEnum):
    """What can be wrong with one row."""

    NULL_PRICE = "null_price"
    NULL_OPEN_TIME = "null_open_time"
    NAN_PRICE = "nan_price"
    TEXT_PRICE = "text_price"
    EMPTY_PRICE = "empty_price"
    NEGATIVE_PRICE = "negative_price"
    TEXT_OPEN_TIME = "text_open_time"
    HIGH_BELOW_LOW = "high_below_low"
    MISSING_COLUMN = "missing_column"
    EXTRA_COLUMN = "extra_column"
    NULL_ROW = "null_row"
    NOT_A_LIST = "not_a_list"


def _with(row: Row, column: int | None, value: int | str | None) -> Row:
    assert column is not None  # noqa: S101 - rows without the column are not malformed in it
    return [*row[:column], value, *row[column + 1 :]]


def _like(value: int | str | None, text: str) -> str:
    """Return a number as the API writes its numbers: as a string, or as a JSON number."""
    return JsonNumber(text) if isinstance(value, JsonNumber) else text


_MALFORM: dict[Malformation, Callable[[Row, RowShape], Any]] = {
    Malformation.NULL_PRICE: lambda row, shape: _with(row, shape.price, None),
    Malformation.NULL_OPEN_TIME: lambda row, shape: _with(row, shape.times[0], None),
    # As a string: a bare NaN would make the whole body something else than JSON, and that is not_json's part.
    Malformation.NAN_PRICE: lambda row, shape: _with(row, shape.price, "NaN"),
    Malformation.TEXT_PRICE: lambda row, shape: _with(row, shape.price, "not a number"),
    Malformation.EMPTY_PRICE: lambda row, shape: _with(row, shape.price, ""),
    Malformation.NEGATIVE_PRICE: lambda row, shape: _with(
        row, shape.price, _like(row[shape.price], f"-{row[shape.price]}")
    ),
    Malformation.TEXT_OPEN_TIME: lambda row, shape: _with(row, shape.times[0], "yesterday"),
    Malformation.HIGH_BELOW_LOW: lambda row, shape: _with(row, shape.high, _like(row[shape.price], "0.00000001")),
    Malformation.MISSING_COLUMN: lambda row, shape: row[: shape.price],
    Malformation.EXTRA_COLUMN: lambda row, shape: [*row, "extra"],
    Malformation.NULL_ROW: lambda row, shape: None,
    Malformation.NOT_A_LIST: lambda row, shape: dict(
        zip(shape.names, (row[shape.times[0]], row[shape.price]), strict=True)
    ),
}

_CANDLES_ONLY = frozenset({Malformation.HIGH_BELOW_LOW})
"""What only a candle can suffer: CoinGecko's points have one price."""


@dataclass(frozen=True)
class Fault:
    """One fault.

    Attributes:
        kind: What goes wrong.
        source: The API it happens to; None for all.
        symbol: The market it happens to, as the API spells it, such as BTCUSDT, BTC-USD or bitcoin; None for all.
        times: How many requests meet it; None for every one, until it is switched off.
        after: How many requests of the source and the symbol pass before, for example to spoil the second page.
        retry_after: rate_limited, server_error: seconds in the Retry-After header; None leaves the header out.
        retry_after_date: rate_limited, server_error: send Retry-After as an HTTP date and not as seconds.
        banned_after: rate_limited: after so many 429s Binance's answer is 418; None for never.
        status: server_error: 500, 502, 503 or 504.
        delay_seconds: timeout: how long the answer, which is right, is held back.
        malformations: malformed_rows: what is done, each to one row as long as there are rows; empty for all kinds
            that the API's rows can suffer.
    """

    kind: FaultKind
    symbol: str | None = None
    source: Source | None = None
    times: int | None = 1
    after: int = 0
    retry_after: int | None = None
    retry_after_date: bool = False
    banned_after: int | None = None
    status: int = 503
    delay_seconds: float = 1.0
    malformations: tuple[Malformation, ...] = ()

    @classmethod
    def parse(cls, document: Any) -> Fault:
        """Return the fault of a JSON object.

        Raises:
            FaultError: An unknown kind or option, an option of another kind, or a value out of its range.
        """
        if not isinstance(document, dict):
            raise FaultError(f"a fault is an object with a kind, this is {document!r}")
        kind = _member(FaultKind, document.get("kind"), "kind")
        allowed = _COMMON_OPTIONS | _OPTIONS.get(kind, frozenset())
        unknown = sorted(set(document) - allowed)
        if unknown:
            raise FaultError(f"{kind} does not take {', '.join(unknown)}; it takes {', '.join(sorted(allowed))}")
        options = {name: value for name, value in document.items() if name != "kind"}
        if options.get("source") is not None:
            options["source"] = _member(Source, options["source"], "source")
        if "malformations" in options:
            names = options["malformations"]
            if not isinstance(names, list):
                raise FaultError("malformations is a list")
            options["malformations"] = tuple(_member(Malformation, name, "malformation") for name in names)
        return cls(kind=kind, **options)

    def __post_init__(self) -> None:
        _check(isinstance(self.kind, FaultKind), f"kind is {self.kind!r}, give a FaultKind")
        foreign = [
            option.name
            for option in fields(self)
            if option.name not in self._allowed and getattr(self, option.name) != option.default
        ]
        _check(
            not foreign, f"{self.kind} does not take {', '.join(foreign)}; it takes {', '.join(sorted(self._allowed))}"
        )
        _check(
            self.symbol is None or (isinstance(self.symbol, str) and _SYMBOL.fullmatch(self.symbol)),
            f"symbol is {self.symbol!r}: give a market such as BTCUSDT, BTC-USD or bitcoin, or null for all",
        )
        _check(self.source is None or isinstance(self.source, Source), f"source is {self.source!r}, give a Source")
        _check(
            self.banned_after is None or self.source in (None, Source.BINANCE),
            f"banned_after: {self.source} bans nobody, only {Source.BINANCE} does",
        )
        _check(
            self._can_spoil(self.source),
            f"malformations: the rows of {self.source} cannot have {', '.join(self.malformations)}",
        )
        _check_whole("times", self.times, 1, 1_000_000, or_null=True)
        _check_whole("after", self.after, 0, 1_000_000)
        _check_whole("retry_after", self.retry_after, 0, _LONGEST_RETRY_AFTER_SECONDS, or_null=True)
        _check(isinstance(self.retry_after_date, bool), "retry_after_date is true or false")
        _check_whole("banned_after", self.banned_after, 1, 1_000_000, or_null=True)
        _check(self.status in _SERVER_ERRORS, f"status is {self.status!r}, it is one of {_SERVER_ERRORS}")
        _check(
            isinstance(self.delay_seconds, int | float)
            and not isinstance(self.delay_seconds, bool)
            and 0 <= self.delay_seconds <= _LONGEST_DELAY_SECONDS,
            f"delay_seconds is {self.delay_seconds!r}, it is a number from 0 to {_LONGEST_DELAY_SECONDS}",
        )

    def concerns(self, source: Source | None, symbol: str | None, row_count: int) -> bool:
        """Return whether a request can meet the fault.

        Args:
            source: The API that is asked; None for one whose rows can suffer everything.
            symbol: The market that is asked for; None where none is.
            row_count: Number of candles in the right answer.
        """
        return (
            self.source in (None, source)
            and self.symbol in (None, symbol)
            and row_count >= _ROWS_NEEDED.get(self.kind, 0)
            and self._can_spoil(source)
        )

    def _can_spoil(self, source: Source | None) -> bool:
        return source != Source.COINGECKO or not self.malformations or not set(self.malformations) <= _CANDLES_ONLY

    def as_json(self) -> dict[str, Any]:
        """Return the fault as the JSON object that ``parse`` takes."""
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in asdict(self).items()
            if name in self._allowed
        }

    @property
    def _allowed(self) -> frozenset[str]:
        return _COMMON_OPTIONS | _OPTIONS.get(self.kind, frozenset())


_COMMON_OPTIONS = frozenset({"kind", "source", "symbol", "times", "after"})
_OPTIONS = {
    FaultKind.RATE_LIMITED: frozenset({"retry_after", "retry_after_date", "banned_after"}),
    FaultKind.SERVER_ERROR: frozenset({"status", "retry_after", "retry_after_date"}),
    FaultKind.TIMEOUT: frozenset({"delay_seconds"}),
    FaultKind.MALFORMED_ROWS: frozenset({"malformations"}),
}


@dataclass(frozen=True)
class MetFault:
    """A fault that a request meets.

    Attributes:
        fault: Which one.
        number: How often it has happened now, this time included.
        rng: For what is left to chance, for example which row is spoilt; seeded by the plan.
    """

    fault: Fault
    number: int
    rng: random.Random


@dataclass
class _Planned:
    fault: Fault
    seen: int = 0
    happened: int = 0

    @property
    def is_used_up(self) -> bool:
        return self.fault.times is not None and self.happened >= self.fault.times


@dataclass
class _State:
    seed: int | None = None
    planned: list[_Planned] = field(default_factory=list)
    rng: random.Random = field(default_factory=lambda: random.Random(0))  # noqa: S311 - not for secrets


class FaultPlan:
    """Which requests meet which fault. Safe to use from several threads.

    A request meets one fault at most. Where several could happen, the first one listed does; with a seed, one that the
    seed draws. The same plan, seed and order of requests give the same faults.

    Args:
        faults: What goes wrong.
        seed: Draws the order of the faults and the rows they spoil; None for the listed order.
    """

    def __init__(self, faults: Iterable[Fault] = (), *, seed: int | None = None) -> None:
        self._lock = threading.Lock()
        self._state = _State()
        self.replace(faults, seed=seed)

    def replace(self, faults: Iterable[Fault], *, seed: int | None = None) -> None:
        """Forget all faults and take these."""
        planned = [_Planned(fault) for fault in faults]
        with self._lock:
            self._state = _State(seed, planned, random.Random(seed or 0))  # noqa: S311 - must be repeatable

    def clear(self) -> None:
        """Forget all faults."""
        self.replace(())

    def replace_json(self, document: Any) -> None:
        """Forget all faults and take those of a JSON document, ``{"seed": 7, "faults": […]}``.

        Nothing changes if the document is wrong.

        Raises:
            FaultError: The document is wrong; the message says where.
        """
        if not isinstance(document, dict) or not isinstance(document.get("faults"), list):
            raise FaultError('give an object with a list: {"faults": [{"kind": "server_error"}]}')
        unknown = sorted(set(document) - {"faults", "seed"})
        _check(not unknown, f"there is nothing called {', '.join(unknown)}; there are faults and seed")
        seed = document.get("seed")
        _check(seed is None or (isinstance(seed, int) and not isinstance(seed, bool)), "seed is a whole number or null")
        self.replace([Fault.parse(fault) for fault in document["faults"]], seed=seed)

    def as_json(self) -> dict[str, Any]:
        """Return the plan as JSON, each fault with how often it has ``happened``."""
        with self._lock:
            return {
                "seed": self._state.seed,
                "faults": [
                    {**planned.fault.as_json(), "happened": planned.happened} for planned in self._state.planned
                ],
            }

    def meet(self, symbol: str | None, row_count: int, source: Source | None = None) -> MetFault | None:
        """Return the fault that a request meets, and use it up once; arguments as of ``Fault.concerns``."""
        with self._lock:
            state, possible = self._state, []
            for planned in state.planned:
                if not planned.fault.concerns(source, symbol, row_count):
                    continue
                planned.seen += 1
                if planned.seen > planned.fault.after and not planned.is_used_up:
                    possible.append(planned)
            if not possible:
                return None
            chosen = possible[0] if state.seed is None else state.rng.choice(possible)
            chosen.happened += 1
            rng = random.Random(state.rng.getrandbits(64))  # noqa: S311 - must be repeatable
            return MetFault(chosen.fault, chosen.happened, rng)


def spoil_page(met: MetFault, page: Page) -> Any:
    """Return the JSON body of a page with the fault's damage; other kinds of faults leave it as it is.

    The same rows of all tables are spoilt, but rows are malformed in the first table only.

    Args:
        met: The fault; its ``rng`` chooses the rows.
        page: The right answer, as many rows as the fault needs at least.
    """
    first, *others = page.tables
    state = met.rng.getstate()
    spoilt = [spoil_rows(met, first, page.shape)]
    for table in others:
        met.rng.setstate(state)
        is_whole = met.fault.kind is FaultKind.MALFORMED_ROWS
        spoilt.append(list(table) if is_whole else spoil_rows(met, table, page.shape))
    return page.document(tuple(spoilt))


def spoil_rows(met: MetFault, rows: list[Row], shape: RowShape) -> list[Any]:
    """Return rows with the fault's damage; other kinds of faults leave them as they are.

    Args:
        met: The fault; its ``rng`` chooses the rows.
        rows: The right rows, as many as the fault needs at least.
        shape: What the rows look like.
    """
    rng, position = met.rng, met.rng.randrange(len(rows)) if rows else 0
    match met.fault.kind:
        case FaultKind.EMPTY:
            return []
        case FaultKind.DUPLICATE_ROWS:
            return [*rows[:position], rows[position], *rows[position:]]
        case FaultKind.CONFLICTING_DUPLICATE_ROWS:
            # One step more in the last digit of the price: a difference that a float would lose.
            price = rows[position][shape.price]
            other = _with(rows[position], shape.price, _like(price, _next_digit(str(price))))
            return [*rows[: position + 1], other, *rows[position + 1 :]]
        case FaultKind.WRONG_ORDER:
            shuffled = rows.copy()
            while shuffled == rows:
                rng.shuffle(shuffled)
            return shuffled
        case FaultKind.MALFORMED_ROWS:
            kinds = [
                kind
                for kind in met.fault.malformations or tuple(Malformation)
                if shape.high is not None or kind not in _CANDLES_ONLY
            ]
            positions = rng.sample(range(len(rows)), min(len(kinds), len(rows)))
            spoilt: list[Any] = list(rows)
            for kind, at in zip(kinds, positions, strict=False):
                spoilt[at] = _MALFORM[kind](rows[at], shape)
            return spoilt
        case FaultKind.UNCLOSED_CANDLE:
            if shape.newest_first:
                return [_row_after(rows[0], shape), *rows]
            return [*rows, _row_after(rows[-1], shape)]
    return list(rows)


def _row_after(row: Row, shape: RowShape) -> Row:
    """Return a row that begins where the given one ends: past the end of what was asked for, and still running."""
    times = [time for time in (row[column] for column in shape.times) if isinstance(time, int)]
    length = shape.length if shape.length is not None else times[1] + 1 - times[0]
    later = row.copy()
    for column, time in zip(shape.times, times, strict=True):
        later[column] = time + length
    return later


def _next_digit(price: str) -> str:
    """Return a decimal string with another last digit."""
    return price[:-1] + str((int(price[-1]) + 1) % 10)


def _member(kinds: type[Kind], name: Any, what: str) -> Kind:
    try:
        return kinds(name)
    except ValueError:
        raise FaultError(f"there is no {what} {name!r}; there are {', '.join(kinds)}") from None


def _check(is_right: Any, message: str) -> None:
    if not is_right:
        raise FaultError(message)


def _check_whole(name: str, value: Any, least: int, most: int, *, or_null: bool = False) -> None:
    is_whole = isinstance(value, int) and not isinstance(value, bool) and least <= value <= most
    _check(
        is_whole or (or_null and value is None),
        f"{name} is {value!r}, it is a whole number from {least} to {most}" + (" or null" if or_null else ""),
    )
