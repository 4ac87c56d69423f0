"""Compares the result of a statement with the documented one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from local_aws.conformance.example_files import Row, SqlExample

_SHOWN_ROWS = 4
_CERTAIN_DIGITS = 15


def differences(example: SqlExample, columns: Sequence[Mapping[str, Any]], rows: Sequence[Row]) -> str:
    """Return how a result differs from the documented one, or an empty text.

    Args:
        example: The example.
        columns: The ColumnMetadata of the result.
        rows: The values as text: ``t`` and ``f`` for booleans, None for NULL.
    """
    found = []
    if example.rows is not None and not _same_rows(example, columns, rows):
        found.append(f"expected {_shown(example.rows)}, found {_shown(rows)}")
    if example.columns:
        found += _column_differences(example.columns, columns)
    return "; ".join(found)


def _same_rows(example: SqlExample, columns: Sequence[Mapping[str, Any]], rows: Sequence[Row]) -> bool:
    documented = list(example.rows or ())
    if len(documented) != len(rows):
        return False
    types = [str(column.get("typeName", "")) for column in columns]
    found = list(rows)
    if not example.ordered:
        documented, found = sorted(documented, key=_sort_key), sorted(found, key=_sort_key)
    return all(
        len(expected) == len(row) and all(map(_same_value, types, expected, row))
        for expected, row in zip(documented, found, strict=True)
    )


def _sort_key(row: Row) -> list[tuple[int, Decimal, str]]:
    """Sort numbers as numbers, because a documented floating-point number has fewer digits than the result."""
    return [(2, Decimal(), "") if value is None else _value_key(value) for value in row]


def _value_key(value: str) -> tuple[int, Decimal, str]:
    number = _number(value)
    return (1, Decimal(), value) if number is None or not number.is_finite() else (0, number, value)


def _same_value(type_name: str, expected: str | None, found: str | None) -> bool:
    if expected is None or found is None:
        return expected is found
    if type_name == "bool":
        return expected[:1].lower() == found[:1].lower()
    if type_name == "bpchar":
        return expected.rstrip(" ") == found.rstrip(" ")
    if type_name in {"float4", "float8"}:
        return _same_float(expected, found)
    return expected == found


def _same_float(expected: str, found: str) -> bool:
    """Compare as many digits as are documented. Pages show 6 to 17 of them, and cut or round the last one.

    Of more than 15 digits, the rest depends on the library that computes them.
    """
    documented, number = _number(expected), _number(found)
    if documented is None or number is None or not (documented.is_finite() and number.is_finite()):
        return expected.lower() == found.lower()
    if documented == number:
        return True
    if "." not in expected:
        return False
    digits = min(len(documented.as_tuple().digits), _CERTAIN_DIGITS)
    unit = Decimal(1).scaleb(documented.adjusted() - digits + 1)
    return any(
        documented.quantize(unit, rounding) == number.quantize(unit, rounding)
        for rounding in (ROUND_DOWN, ROUND_HALF_UP)
    )


def _number(value: str) -> Decimal | None:
    try:
        return Decimal(value)
    except InvalidOperation:
        return None


def _column_differences(documented: Sequence[Mapping[str, Any]], columns: Sequence[Mapping[str, Any]]) -> list[str]:
    if len(documented) > len(columns):
        return [f"expected {len(documented)} columns, found {len(columns)}"]
    return [
        f"expected {key} {expected[key]} of column {number}, found {column.get(member)}"
        for number, (expected, column) in enumerate(zip(documented, columns, strict=False), start=1)
        for key, member in (("name", "label"), ("type", "typeName"), ("precision", "precision"), ("scale", "scale"))
        if key in expected and expected[key] != column.get(member)
    ]


def _shown(rows: Sequence[Row]) -> str:
    more = f" and {len(rows) - _SHOWN_ROWS} more" if len(rows) > _SHOWN_ROWS else ""
    return f"{list(rows[:_SHOWN_ROWS])}{more}"
