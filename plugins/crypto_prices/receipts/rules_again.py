"""The rules for records, applied a second time. It shares no code with the Glue job (``crypto_prices_etl.quality``)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from crypto_prices_contract.row_rules import CONFLICTING_DUPLICATE, MALFORMED_RECORD, ROW_RULES, UNPARSEABLE, Action
from crypto_prices_contract.window import Window

from crypto_prices.receipts.raw_records import COLUMNS, FORMATS, RawRecord

CURATED = "curated"
DUPLICATE = "duplicate"
SURPLUS = "surplus"

_UNITS_MS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


@dataclass(frozen=True)
class JudgedRecord:
    """A record and its outcome.

    Attributes:
        uri: The raw object that has it.
        record: The record.
        outcome: ``curated``, ``duplicate``, ``surplus``, or the rule that it breaks.
    """

    uri: str
    record: RawRecord
    outcome: str


def interval_ms(candle_interval: str) -> int:
    """Return the length of a candle interval such as ``1h`` in milliseconds.

    Raises:
        ValueError: It is not an interval.
    """
    found = re.fullmatch(r"([1-9][0-9]{0,5})([smhd])", candle_interval)
    if found is None:
        raise ValueError(f"{candle_interval!r} is not a candle interval: use one such as 1m, 15m, 1h or 1d")
    return int(found[1]) * _UNITS_MS[found[2]]


def judge(
    source: str,
    records: Sequence[tuple[str, RawRecord]],
    *,
    window: Window,
    candle_interval: str,
    actions: Mapping[str, str],
) -> list[JudgedRecord]:
    """Return the outcomes of all records of one market in one load.

    Args:
        source: Name of the source.
        records: The records with their raw objects, in the order of the objects' URIs and of the positions.
        window: The days when candles may open.
        candle_interval: Length of a candle.
        actions: The actions of rules that differ from the default, by rule.
    """
    broken = [_reason(source, record, window, candle_interval, actions) for _, record in records]
    copies: dict[int | None, list[RawRecord]] = {}
    for (_, record), reason in zip(records, broken, strict=True):
        if reason is None:
            copies.setdefault(record.opened_ms, []).append(record)
    judged = []
    for (uri, record), reason in zip(records, broken, strict=True):
        outcome = reason
        if outcome is None:
            same = copies[record.opened_ms]
            if any(_content(copy) != _content(record) for copy in same):
                outcome = CONFLICTING_DUPLICATE
            else:
                outcome = CURATED if record is same[0] else DUPLICATE
        judged.append(JudgedRecord(uri, record, outcome))
    return judged


def _reason(
    source: str, record: RawRecord, window: Window, candle_interval: str, actions: Mapping[str, str]
) -> str | None:
    """Return ``surplus``, the first broken rule that does not only warn, or None."""
    opened = record.opened_ms
    outside = opened is not None and not window.start_ms <= opened < window.end_ms
    if outside and FORMATS[source].may_exceed_window:
        return SURPLUS
    rules = _broken(source, record, outside=outside, length_ms=interval_ms(candle_interval))
    return next((rule for rule in rules if actions.get(rule, ROW_RULES[_name(rule)][0]) != Action.WARN), None)


def _broken(source: str, record: RawRecord, *, outside: bool, length_ms: int) -> Iterator[str]:
    """Yield the rules that a record breaks, in the order of ``ROW_RULES``. A missing number breaks none."""
    opened, values = record.opened_ms, record.values
    if not record.well_formed:
        yield MALFORMED_RECORD
    if record.unparseable is not None:
        yield f"{UNPARSEABLE}_{record.unparseable}"
    if _below(values, ("open_price", "high_price", "low_price", "close_price"), or_equal=True):
        yield "non_positive_price"
    low, high = values["low_price"], values["high_price"]
    for price in (values["open_price"], values["close_price"]):
        if price is not None and ((low is not None and price < low) or (high is not None and price > high)):
            yield "price_out_of_range"
            break
    if _below(values, ("base_volume", "quote_volume", "market_cap")):
        yield "negative_volume"
    if _below(values, ("trade_count",)):
        yield "negative_trade_count"
    if outside:
        yield "outside_window"
    if opened is not None and (opened % length_ms or record.late_ms > FORMATS[source].latest_ms):
        yield "off_grid"
    if opened is not None and record.closed_ms is not None and record.closed_ms != opened + length_ms - 1:
        yield "candle_not_closed"


def _below(values: Mapping[str, Decimal | int | None], columns: Sequence[str], *, or_equal: bool = False) -> bool:
    """Return whether a number is below zero, or zero."""
    return any(number is not None and (number < 0 or (or_equal and number == 0)) for number in map(values.get, columns))


def _content(record: RawRecord) -> tuple[Decimal | int | None, ...]:
    return tuple(record.values[column] for column in COLUMNS)


def _name(rule: str) -> str:
    return UNPARSEABLE if rule.startswith(f"{UNPARSEABLE}_") else rule
