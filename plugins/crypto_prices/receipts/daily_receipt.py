"""The receipt of a row of ``crypto.daily_prices``: the candles that it comes from, and its values calculated again.

The calculation shares no code with ``sql/marts/``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Context, Decimal, localcontext

from crypto_prices.aws.redshift_data import Value
from crypto_prices.receipts.evidence import Row, Warehouse, number
from crypto_prices.receipts.question import Question
from crypto_prices.receipts.receipt import Check, Link, Outcome, Receipt
from crypto_prices.receipts.rules_again import interval_ms

_DAY_MS = 86_400_000
_EXACT = Context(prec=60)
_RELATIVE_ERROR = 1e-9
"""Of values that the warehouse calculates in DOUBLE PRECISION."""
_ABSOLUTE_ERROR = 1e-9
"""Of returns: a difference from 1 has fewer digits than the ratio."""
_TERM_ERROR = 1e-12
"""Of each term of a typical price: it has 12 decimal places."""
_LARGEST_SUM, _LARGEST_COUNT, _LARGEST_TYPICAL_SUM = Decimal("9e19"), Decimal("9e18"), Decimal("9e25")
"""A sum is NULL if one of its terms times the number of candles of a day reaches the limit. The limits of
``sql/marts/limits.jinja`` stand here again, because the receipt calculates without the statements that it checks."""

_RATIOS = ("vwap", "return_1d", "log_return")
_NOT_SHOWN = (
    "the candles themselves: each has a receipt of its own (AT=<open time>)",
    "the last digits of ratios: the warehouse calculates them in DOUBLE PRECISION",
)


@dataclass(frozen=True)
class DailyEvidence:
    """What is known about a row of ``crypto.daily_prices``.

    Attributes:
        question: The row.
        rows: The mart's row of the day and of the day before, oldest first.
        candles: The candles of both days, oldest first.
        through_load: The newest load that the marts contain.
        newest_load: The newest load of the source that contains one of the days; 0 if there is none.
    """

    question: Question
    rows: tuple[Row, ...]
    candles: tuple[Row, ...]
    through_load: int
    newest_load: int


def collect_daily(question: Question, warehouse: Warehouse) -> DailyEvidence:
    """Return the evidence about a row of ``crypto.daily_prices``."""
    (state,) = warehouse.query("receipts/find_mart_state.sql", question=question)
    return DailyEvidence(
        question,
        tuple(warehouse.query("receipts/find_daily_prices.sql", question=question)),
        tuple(warehouse.query("receipts/find_day_candles.sql", question=question)),
        number(state, "through_load"),
        number(state, "load_number"),
    )


def daily_receipt(evidence: DailyEvidence) -> Receipt:
    """Return the receipt of a row of ``crypto.daily_prices`` that exists or is missing."""
    question = evidence.question
    row = next((row for row in evidence.rows if _day_of(row["price_date"]) == question.day), None)
    again = _calculated(evidence.candles, question.day)
    links = []
    if row is not None:
        shown = ("open_price", "high_price", "low_price", "close_price", "base_volume", *_RATIOS)
        texts = [f"{column} {row[column]}" for column in shown if row[column] is not None]
        links.append(Link("value", (f"close {row['close_price']} {question.quote_currency}", ", ".join(texts))))
    links += [_mart(evidence, row, again), _inputs(evidence, again)]
    answer = "intact" if row is not None else f"missing: {_why_missing(evidence, again)}"
    title = f"daily_prices {question.source} {question.market}  {question.day}"
    return Receipt(question, title, answer, tuple(links), _NOT_SHOWN)


def _why_missing(evidence: DailyEvidence, again: Mapping[str, object] | None) -> str:
    if again is None:
        return "no candle of the day has a close"
    if evidence.newest_load > evidence.through_load:
        return f"the marts lack load {evidence.newest_load} of this day or the day before"
    return "the mart has no row"


def _mart(evidence: DailyEvidence, row: Row | None, again: Mapping[str, object] | None) -> Link:
    newest, through = evidence.newest_load, evidence.through_load
    checks = []
    is_fresh = newest <= through
    if not is_fresh:
        checks.append(
            Check(Outcome.NOT_SHOWN, f"the marts lack load {newest}: the next refresh calculates the row again")
        )
    if row is None:
        if is_fresh and again is not None:
            checks.append(Check(Outcome.BROKEN, f"the mart has no row, although {again['candles']} candles give one"))
        return Link("mart", ("no such row",), tuple(checks))
    if again is None:
        wrong = ["no candle of the day has a close"]
    else:
        wrong = [
            f"{column} is {row[column]} instead of {value}"
            for column, value in again.items()
            if not _is_same(row[column], value, _absolute_error(column, again))
        ]
    if not wrong:
        checks.append(Check(Outcome.OK, f"calculated again, independently: {len(again or {})} values equal"))
    elif is_fresh:
        checks.append(Check(Outcome.BROKEN, f"calculated again: {'; '.join(wrong)}"))
    says = f"calculated by the refresh through load {row['through_load']}; the marts contain load {through}"
    return Link("mart", (says,), tuple(checks), {column: row[column] for column in row})


def _inputs(evidence: DailyEvidence, again: Mapping[str, object] | None) -> Link:
    if again is None:
        return Link("inputs", ("none",))
    candles = _chosen([candle for candle in evidence.candles if _opens(candle).date() == evidence.question.day])
    loads = sorted({number(candle, "valid_from_load") for candle in candles})
    expected = again["expected_candles"]
    says = [
        f"{len(candles)} of {expected} candles of {again['candle_interval']}, with values of loads {_numbers(loads)}"
    ]
    shown = {"close": "close_price", "volume": "base_volume", "load": "valid_from_load"}
    says += [
        " ".join([f"{candle['observed_at']}Z", *(f"{name} {candle[column]}" for name, column in shown.items())])
        for candle in candles
    ]
    return Link("inputs", tuple(says), data={"candles": [dict(candle) for candle in candles]})


def _calculated(candles: Sequence[Row], day: date) -> dict[str, object] | None:
    """Return the values of a day's row, or None if no candle has a close."""
    with localcontext(_EXACT):
        own, before = (
            _day_row([candle for candle in candles if _opens(candle).date() == of])
            for of in (day, day - timedelta(days=1))
        )
        if own is None:
            return None
        own |= {"return_1d": None, "log_return": None}
        if before is not None and _has_return(own, day) and _has_return(before, day - timedelta(days=1)):
            ratio = Decimal(str(own["close_price"])) / Decimal(str(before["close_price"]))
            own |= {"return_1d": ratio - 1, "log_return": ratio.ln()}
        return own


def _day_row(candles: Sequence[Row]) -> dict[str, object] | None:
    if not candles:
        return None
    chosen = _chosen(candles)
    first, last = chosen[0], chosen[-1]
    interval = str(first["candle_interval"])
    expected = _DAY_MS // interval_ms(interval)
    base, quote, trades = (
        _sum([_decimal(candle[column]) for candle in chosen], limit / expected)
        for column, limit in (
            ("base_volume", _LARGEST_SUM),
            ("quote_volume", _LARGEST_SUM),
            ("trade_count", _LARGEST_COUNT),
        )
    )
    typical = _sum([_typical(candle) for candle in chosen], _LARGEST_TYPICAL_SUM / expected)
    vwap, method = None, None
    if base is not None and base > 0 and quote is not None:
        vwap, method = quote / base, "exact"
    elif base is not None and base > 0 and typical is not None:
        vwap, method = typical / base, "typical"
    return {
        "candle_interval": interval,
        "open_price": _decimal(first["open_price"]),
        "high_price": max(_decimals(chosen, "high_price"), default=None),
        "low_price": min(_decimals(chosen, "low_price"), default=None),
        "close_price": _decimal(last["close_price"]),
        "close_observed_at": _opens(last),
        "base_volume": base,
        "quote_volume": quote,
        "trade_count": trades,
        "vwap": vwap,
        "vwap_method": method,
        "candles": len(chosen),
        "expected_candles": expected,
        "traded_candles": sum(1 for volume in _decimals(chosen, "base_volume") if volume > 0),
        "is_complete": len(chosen) == expected,
    }


def _chosen(candles: Sequence[Row]) -> list[Row]:
    """Return the candles of the interval that covers most of the day, or of the shortest one of those."""
    by_interval: dict[str, list[Row]] = {}
    for candle in candles:
        by_interval.setdefault(str(candle["candle_interval"]), []).append(candle)
    best = min(by_interval, key=lambda name: (-len(by_interval[name]) * interval_ms(name), interval_ms(name), name))
    return sorted(by_interval[best], key=_opens)


def _has_return(row: Mapping[str, object], day: date) -> bool:
    closes_at = row["close_observed_at"]
    length = timedelta(milliseconds=interval_ms(str(row["candle_interval"])))
    is_last = isinstance(closes_at, datetime) and (closes_at + length).date() == day + timedelta(days=1)
    return is_last and Decimal(str(row["close_price"])) > 0 and row["traded_candles"] != 0


def _typical(candle: Row) -> Decimal | None:
    parts = [_decimal(candle[column]) for column in ("high_price", "low_price", "close_price", "base_volume")]
    high, low, close, volume = parts
    if high is None or low is None or close is None or volume is None:
        return None
    return (high + low + close) / 3 * volume


def _sum(values: Sequence[Decimal | None], limit: Decimal) -> Decimal | None:
    terms = [value for value in values if value is not None and abs(value) < limit]
    return sum(terms, Decimal(0)) if len(terms) == len(values) else None


def _decimals(candles: Sequence[Row], column: str) -> list[Decimal]:
    return [value for candle in candles if (value := _decimal(candle[column])) is not None]


def _decimal(value: Value) -> Decimal | None:
    return None if value is None else Decimal(str(value))


def _absolute_error(column: str, again: Mapping[str, object]) -> float | None:
    """Return the absolute error that a value of a row can have; None if it must be exact."""
    if column not in _RATIOS:
        return None
    if column != "vwap":
        return _ABSOLUTE_ERROR
    if again["vwap_method"] == "typical":
        return _TERM_ERROR * float(str(again["candles"])) / float(str(again["base_volume"]))
    return 0


def _is_same(found: Value, again: object, absolute_error: float | None) -> bool:
    if found is None or again is None:
        return found is None and again is None
    if isinstance(again, datetime):
        return datetime.fromisoformat(str(found)) == again
    if isinstance(again, bool | str):
        return found == again
    if absolute_error is not None:
        return math.isclose(float(str(found)), float(str(again)), rel_tol=_RELATIVE_ERROR, abs_tol=absolute_error)
    return Decimal(str(found)) == Decimal(str(again))


def _opens(candle: Row) -> datetime:
    return datetime.fromisoformat(str(candle["observed_at"]))


def _day_of(value: Value) -> date:
    return date.fromisoformat(str(value)[:10])


def _numbers(loads: Sequence[int]) -> str:
    return ", ".join(map(str, loads))
