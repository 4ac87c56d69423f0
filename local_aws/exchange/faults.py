"""The faults that the laptop's exchange can be told to have, and how they spoil an answer.

A fault is data. ``FaultPlan`` decides which one a request meets, ``spoil_rows`` what it does to a page of candles; the
server does the rest. Faults are switched in code (``FaultPlan.replace``) or over HTTP (``PUT /exchange/_faults``)::

    {"seed": 7,
     "faults": [{"kind": "rate_limited", "symbol": "BTCUSDT", "times": 2, "retry_after": 1},
                {"kind": "malformed_rows", "times": null, "malformations": ["null_price", "missing_column"]}]}
"""

from __future__ import annotations

import random
import re
import threading
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from typing import Any, TypeVar

from local_aws.exchange.candles import Row

Kind = TypeVar("Kind", bound=StrEnum)

_LONGEST_DELAY_SECONDS = 120
_LONGEST_RETRY_AFTER_SECONDS = 7 * 24 * 3600
_SERVER_ERRORS = (500, 502, 503, 504)
_OPEN_TIME, _CLOSE, _CLOSE_TIME = 0, 4, 6


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


def _without_open_time(row: Row, value: int | str | None) -> Row:
    return [value, *row[1:]]


def _with_close(row: Row, value: str | None) -> Row:
    return [*row[:_CLOSE], value, *row[_CLOSE + 1 :]]


_MALFORM: dict[Malformation, Callable[[Row], Any]] = {
    Malformation.NULL_PRICE: lambda row: _with_close(row, None),
    Malformation.NULL_OPEN_TIME: lambda row: _without_open_time(row, None),
    # As a string: a bare NaN would make the whole body something else than JSON, and that is not_json's part.
    Malformation.NAN_PRICE: lambda row: _with_close(row, "NaN"),
    Malformation.TEXT_PRICE: lambda row: _with_close(row, "not a number"),
    Malformation.EMPTY_PRICE: lambda row: _with_close(row, ""),
    Malformation.NEGATIVE_PRICE: lambda row: _with_close(row, f"-{row[_CLOSE]}"),
    Malformation.TEXT_OPEN_TIME: lambda row: _without_open_time(row, "yesterday"),
    Malformation.HIGH_BELOW_LOW: lambda row: [*row[:2], "0.00000001", *row[3:]],
    Malformation.MISSING_COLUMN: lambda row: row[:_CLOSE],
    Malformation.EXTRA_COLUMN: lambda row: [*row, "extra"],
    Malformation.NULL_ROW: lambda row: None,
    Malformation.NOT_A_LIST: lambda row: {"openTime": row[_OPEN_TIME], "close": row[_CLOSE]},
}


@dataclass(frozen=True)
class Fault:
    """One fault.

    Attributes:
        kind: What goes wrong.
        symbol: The market it happens to; None for all.
        times: How many requests meet it; None for every one, until it is switched off.
        after: How many requests of the symbol pass before, for example to spoil the second page.
        retry_after: rate_limited, server_error: seconds in the Retry-After header; None leaves the header out.
        retry_after_date: rate_limited, server_error: send Retry-After as an HTTP date and not as seconds.
        banned_after: rate_limited: after so many 429s the answer is 418; None for never.
        status: server_error: 500, 502, 503 or 504.
        delay_seconds: timeout: how long the answer, which is right, is held back.
        malformations: malformed_rows: what is done, each to one row as long as there are rows; empty for all kinds.
    """

    kind: FaultKind
    symbol: str | None = None
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
            self.symbol is None or (isinstance(self.symbol, str) and re.fullmatch(r"[A-Z0-9]{2,20}", self.symbol)),
            f"symbol is {self.symbol!r}: give a market such as BTCUSDT, or null for all",
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

    @property
    def rows_needed(self) -> int:
        """How many candles an answer must have for this fault to happen."""
        return _ROWS_NEEDED.get(self.kind, 0)

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


_COMMON_OPTIONS = frozenset({"kind", "symbol", "times", "after"})
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

    def meet(self, symbol: str | None, row_count: int) -> MetFault | None:
        """Return the fault that a request meets, and use it up once.

        Args:
            symbol: The market that is asked for; None where none is.
            row_count: Number of candles in the right answer.
        """
        with self._lock:
            state, possible = self._state, []
            for planned in state.planned:
                if planned.fault.symbol not in (None, symbol) or row_count < planned.fault.rows_needed:
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


def spoil_rows(met: MetFault, rows: list[Row]) -> list[Any]:
    """Return a page of candles with the fault's damage; other kinds of faults leave it as it is.

    Args:
        met: The fault; its ``rng`` chooses the rows.
        rows: The right answer, as many rows as the fault needs at least.
    """
    rng, position = met.rng, met.rng.randrange(len(rows)) if rows else 0
    match met.fault.kind:
        case FaultKind.EMPTY:
            return []
        case FaultKind.DUPLICATE_ROWS:
            return [*rows[:position], rows[position], *rows[position:]]
        case FaultKind.CONFLICTING_DUPLICATE_ROWS:
            # One step more in the last digit of the close: a difference that a float would lose.
            other = _with_close(rows[position], _next_digit(str(rows[position][_CLOSE])))
            return [*rows[: position + 1], other, *rows[position + 1 :]]
        case FaultKind.WRONG_ORDER:
            shuffled = rows.copy()
            while shuffled == rows:
                rng.shuffle(shuffled)
            return shuffled
        case FaultKind.MALFORMED_ROWS:
            kinds = met.fault.malformations or tuple(Malformation)
            positions = rng.sample(range(len(rows)), min(len(kinds), len(rows)))
            spoilt: list[Any] = list(rows)
            for kind, at in zip(kinds, positions, strict=False):
                spoilt[at] = _MALFORM[kind](rows[at])
            return spoilt
        case FaultKind.UNCLOSED_CANDLE:
            return [*rows, _candle_after(rows[-1])]
    return list(rows)


def _candle_after(row: Row) -> Row:
    """Return a candle that opens when the given one closes: past the end of what was asked for, and still running."""
    open_ms, close_ms = row[_OPEN_TIME], row[_CLOSE_TIME]
    assert isinstance(open_ms, int)  # noqa: S101 - rows of a candle book hold their times
    assert isinstance(close_ms, int)  # noqa: S101
    length_ms = close_ms + 1 - open_ms
    later = row.copy()
    later[_OPEN_TIME], later[_CLOSE_TIME] = open_ms + length_ms, close_ms + length_ms
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
