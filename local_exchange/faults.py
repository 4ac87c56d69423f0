"""Faults of the local exchange, and their effect on a response.

A fault is data. ``FaultPlan`` chooses the fault of a request, and ``spoil_page`` applies it to a page of candles. The
server applies faults that do not concern rows. Set faults in code (``FaultPlan.replace``) or over HTTP
(``PUT /exchange/_faults``)::

    {"seed": 7,
     "faults": [{"kind": "rate_limited", "symbol": "BTCUSDT", "times": 2, "retry_after": 1},
                {"kind": "empty", "source": "coinbase"},
                {"kind": "malformed_rows", "times": null, "malformations": ["null_price", "missing_column"]}]}

The rows of the APIs differ. A ``RowShape`` describes the columns that faults change.
"""

from __future__ import annotations

import random
import re
import threading
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field, fields
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypeVar

from local_exchange.api import JsonNumber, Page, RowShape, Source
from local_exchange.candles import Row

Kind = TypeVar("Kind", bound=StrEnum)

_LONGEST_DELAY_SECONDS = 120
_LONGEST_RETRY_AFTER_SECONDS = 7 * 24 * 3600
_SERVER_ERRORS = (500, 502, 503, 504)
_DAY_SECONDS, _HOUR_SECONDS = 24 * 3600, 3600
_FIRST_MILLISECOND = 100_000_000_000  # as seconds, this is in the year 5138; as milliseconds, in 1973
_SYMBOL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{1,39}")


class FaultError(ValueError):
    """The requested fault is invalid; the message contains the reason and the allowed values."""


class FaultKind(StrEnum):
    """The kinds of faults."""

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
    RESTATED_ROWS = "restated_rows"


_ROWS_NEEDED = {
    FaultKind.DUPLICATE_ROWS: 1,
    FaultKind.CONFLICTING_DUPLICATE_ROWS: 1,
    FaultKind.WRONG_ORDER: 2,
    FaultKind.MALFORMED_ROWS: 1,
    FaultKind.UNCLOSED_CANDLE: 1,
    FaultKind.RESTATED_ROWS: 1,
}
"""Faults that change rows, with the number of rows they need. A shorter page does not use up such a fault."""


class Malformation(StrEnum):
    """The ways that one row can be malformed."""

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
    assert column is not None  # noqa: S101 - rows without the column never get this malformation
    return [*row[:column], value, *row[column + 1 :]]


def _like(value: int | str | None, text: str) -> str:
    """Return a number in the form of the API's numbers: a string or a JSON number."""
    return JsonNumber(text) if isinstance(value, JsonNumber) else text


_MALFORM: dict[Malformation, Callable[[Row, RowShape], Any]] = {
    Malformation.NULL_PRICE: lambda row, shape: _with(row, shape.price, None),
    Malformation.NULL_OPEN_TIME: lambda row, shape: _with(row, shape.times[0], None),
    # As a string: a bare NaN would make the whole body invalid JSON, which is the separate fault not_json.
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
"""Malformations that apply only to candles. CoinGecko's points have a single price."""


@dataclass(frozen=True)
class Fault:
    """One fault.

    Attributes:
        kind: The kind of fault.
        source: The affected API; None for all.
        symbol: The affected market, in the API's spelling, such as BTCUSDT, tDOGE:USD or bitcoin; None for all.
        times: Number of affected requests; None for every request until the fault is removed.
        after: Number of requests for the source and the symbol that pass first, for example to affect the second page.
        retry_after: rate_limited, server_error: seconds in the Retry-After header; None omits the header.
        retry_after_date: rate_limited, server_error: whether Retry-After is an HTTP date instead of seconds.
        banned_after: rate_limited: number of 429 responses after which Binance responds with 418; None for never.
        status: server_error: 500, 502, 503 or 504.
        delay_seconds: timeout: delay of the correct response, in seconds.
        malformations: malformed_rows: the malformations to apply, each to one row as long as there are rows; empty for
            all that apply to the API's rows.
        hour: restated_rows: hour of the day (UTC) whose rows have a slightly higher price, the same in every response.
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
    hour: int = 12

    @classmethod
    def parse(cls, document: Any) -> Fault:
        """Return the fault of a JSON object.

        Raises:
            FaultError: The kind or an option is unknown, an option belongs to another kind, or a value is out of range.
        """
        if not isinstance(document, dict):
            raise FaultError(f"a fault must be an object with a kind, not {document!r}")
        kind = _member(FaultKind, document.get("kind"), "kind")
        allowed = _COMMON_OPTIONS | _OPTIONS.get(kind, frozenset())
        unknown = sorted(set(document) - allowed)
        if unknown:
            raise FaultError(f"{kind} has no option {', '.join(unknown)}; its options are {', '.join(sorted(allowed))}")
        options = {name: value for name, value in document.items() if name != "kind"}
        if options.get("source") is not None:
            options["source"] = _member(Source, options["source"], "source")
        if "malformations" in options:
            names = options["malformations"]
            if not isinstance(names, list):
                raise FaultError("malformations must be a list")
            options["malformations"] = tuple(_member(Malformation, name, "malformation") for name in names)
        return cls(kind=kind, **options)

    def __post_init__(self) -> None:
        _check(isinstance(self.kind, FaultKind), f"kind is {self.kind!r}, expected a FaultKind")
        foreign = [
            option.name
            for option in fields(self)
            if option.name not in self._allowed and getattr(self, option.name) != option.default
        ]
        _check(
            not foreign,
            f"{self.kind} has no option {', '.join(foreign)}; its options are {', '.join(sorted(self._allowed))}",
        )
        _check(
            self.symbol is None or (isinstance(self.symbol, str) and _SYMBOL.fullmatch(self.symbol)),
            f"symbol is {self.symbol!r}, expected a market such as BTCUSDT, BTC-USD or bitcoin, or null for all",
        )
        _check(self.source is None or isinstance(self.source, Source), f"source is {self.source!r}, expected a Source")
        _check(
            self.banned_after is None or self.source in (None, Source.BINANCE),
            f"banned_after: {self.source} does not ban clients, only {Source.BINANCE} does",
        )
        _check(
            self._can_spoil(self.source),
            f"malformations: {', '.join(self.malformations)} cannot be applied to rows of {self.source}",
        )
        _check_whole("times", self.times, 1, 1_000_000, or_null=True)
        _check_whole("after", self.after, 0, 1_000_000)
        _check_whole("hour", self.hour, 0, 23)
        _check_whole("retry_after", self.retry_after, 0, _LONGEST_RETRY_AFTER_SECONDS, or_null=True)
        _check(isinstance(self.retry_after_date, bool), "retry_after_date must be true or false")
        _check_whole("banned_after", self.banned_after, 1, 1_000_000, or_null=True)
        _check(self.status in _SERVER_ERRORS, f"status is {self.status!r}, expected one of {_SERVER_ERRORS}")
        _check(
            isinstance(self.delay_seconds, int | float)
            and not isinstance(self.delay_seconds, bool)
            and 0 <= self.delay_seconds <= _LONGEST_DELAY_SECONDS,
            f"delay_seconds is {self.delay_seconds!r}, expected a number from 0 to {_LONGEST_DELAY_SECONDS}",
        )

    def concerns(self, source: Source | None, symbol: str | None, row_count: int) -> bool:
        """Return whether the fault can affect a request.

        Args:
            source: The requested API; None for an API whose rows can have every malformation.
            symbol: The requested market; None if the request has none.
            row_count: Number of candles in the correct response.
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
        """Return the fault as a JSON object that ``parse`` accepts."""
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
    FaultKind.RESTATED_ROWS: frozenset({"hour"}),
}


@dataclass(frozen=True)
class MetFault:
    """A fault that affects a request.

    Attributes:
        fault: The fault.
        number: How often the fault has occurred, including this time.
        rng: Random numbers, for example to choose the affected row; seeded by the plan.
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
    """Assigns faults to requests. Thread-safe.

    A request gets at most one fault. If several are possible, it gets the first one in the list, or with a seed a
    random one. The same plan, seed and order of requests always lead to the same faults.

    Args:
        faults: The faults.
        seed: Determines the order of the faults and the affected rows; None for the order of the list.
    """

    def __init__(self, faults: Iterable[Fault] = (), *, seed: int | None = None) -> None:
        self._lock = threading.Lock()
        self._state = _State()
        self.replace(faults, seed=seed)

    def replace(self, faults: Iterable[Fault], *, seed: int | None = None) -> None:
        """Replace all faults."""
        planned = [_Planned(fault) for fault in faults]
        with self._lock:
            self._state = _State(seed, planned, random.Random(seed or 0))  # noqa: S311 - must be repeatable

    def clear(self) -> None:
        """Remove all faults."""
        self.replace(())

    def replace_json(self, document: Any) -> None:
        """Replace all faults with those in a JSON document, ``{"seed": 7, "faults": […]}``.

        Raises:
            FaultError: The document is invalid; nothing has changed. The message contains the reason.
        """
        if not isinstance(document, dict) or not isinstance(document.get("faults"), list):
            raise FaultError('expected an object such as {"faults": [{"kind": "server_error"}]}')
        unknown = sorted(set(document) - {"faults", "seed"})
        _check(not unknown, f"unknown member {', '.join(unknown)}; known members: faults, seed")
        seed = document.get("seed")
        _check(
            seed is None or (isinstance(seed, int) and not isinstance(seed, bool)),
            "seed must be a whole number or null",
        )
        self.replace([Fault.parse(fault) for fault in document["faults"]], seed=seed)

    def as_json(self) -> dict[str, Any]:
        """Return the plan as JSON, each fault with the number of times it has ``happened``."""
        with self._lock:
            return {
                "seed": self._state.seed,
                "faults": [
                    {**planned.fault.as_json(), "happened": planned.happened} for planned in self._state.planned
                ],
            }

    def meet(self, symbol: str | None, row_count: int, source: Source | None = None) -> MetFault | None:
        """Return the fault of a request and count its use; arguments as for ``Fault.concerns``."""
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
    """Return the JSON body of a page after applying a fault; faults that do not concern rows leave it unchanged.

    The same rows of all tables are affected, except that only rows of the first table are malformed.

    Args:
        met: The fault; its ``rng`` chooses the rows.
        page: The correct response, with at least as many rows as the fault needs.
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
    """Return rows after applying a fault; faults that do not concern rows leave them unchanged.

    Args:
        met: The fault; its ``rng`` chooses the rows.
        rows: The correct rows, at least as many as the fault needs.
        shape: The columns of the rows.
    """
    rng, position = met.rng, met.rng.randrange(len(rows)) if rows else 0
    match met.fault.kind:
        case FaultKind.EMPTY:
            return []
        case FaultKind.DUPLICATE_ROWS:
            return [*rows[:position], rows[position], *rows[position:]]
        case FaultKind.CONFLICTING_DUPLICATE_ROWS:
            # The last digit of the price is one higher: a difference that conversion to float would lose.
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
        case FaultKind.RESTATED_ROWS:
            return [_restated(row, shape) if _hour(row[shape.times[0]]) == met.fault.hour else row for row in rows]
    return list(rows)


def _hour(time: Any) -> int:
    """Return the hour of the day of a row's time, which is in seconds or in milliseconds."""
    seconds = time // 1000 if time >= _FIRST_MILLISECOND else time
    return int(seconds % _DAY_SECONDS // _HOUR_SECONDS)


def _restated(row: Row, shape: RowShape) -> Row:
    """Return a valid row whose price is one step of its last decimal higher."""
    price = Decimal(str(row[shape.price]))
    higher = price + Decimal(1).scaleb(int(price.as_tuple().exponent))
    changed = _with(row, shape.price, _like(row[shape.price], f"{higher:f}"))
    if shape.high is not None and Decimal(str(row[shape.high])) < higher:
        changed = _with(changed, shape.high, _like(row[shape.high], f"{higher:f}"))
    return changed


def _row_after(row: Row, shape: RowShape) -> Row:
    """Return a row that starts where the given one ends: beyond the requested range, and not closed yet."""
    times = [time for time in (row[column] for column in shape.times) if isinstance(time, int)]
    length = shape.length if shape.length is not None else times[1] + 1 - times[0]
    later = row.copy()
    for column, time in zip(shape.times, times, strict=True):
        later[column] = time + length
    return later


def _next_digit(price: str) -> str:
    """Return a decimal string with a different last digit."""
    return price[:-1] + str((int(price[-1]) + 1) % 10)


def _member(kinds: type[Kind], name: Any, what: str) -> Kind:
    try:
        return kinds(name)
    except ValueError:
        raise FaultError(f"unknown {what} {name!r}; known: {', '.join(kinds)}") from None


def _check(is_right: Any, message: str) -> None:
    if not is_right:
        raise FaultError(message)


def _check_whole(name: str, value: Any, least: int, most: int, *, or_null: bool = False) -> None:
    is_whole = isinstance(value, int) and not isinstance(value, bool) and least <= value <= most
    _check(
        is_whole or (or_null and value is None),
        f"{name} is {value!r}, expected a whole number from {least} to {most}" + (" or null" if or_null else ""),
    )
