"""Redshift's types and the documented rules for the result of arithmetic, of a common type and of an aggregate.

Source of the rules, unless another one is named: Computations with numeric values,
https://docs.aws.amazon.com/redshift/latest/dg/r_numeric_computations201.html
"""

from __future__ import annotations

import dataclasses
from typing import Literal

from local_aws.redshift.refusal import SqlNotSupported

MAX_PRECISION = 38
MAX_SCALE = 37
_LONGEST_TEXT = 65535
_LEAST_SCALE_OF_A_QUOTIENT = 4
_LONGEST_SHORT_DECIMAL = 19

Kind = Literal[
    "int2", "int4", "int8", "numeric", "float4", "float8", "bool", "date", "time", "timestamp", "timestamptz",
    "interval", "varchar", "bpchar", "null",
]  # fmt: skip
Operator = Literal["+", "-", "*", "/", "%"]


@dataclasses.dataclass(frozen=True)
class SqlType:
    """A type of Redshift.

    Attributes:
        kind: Its name, as ColumnMetadata has it; ``null`` for the NULL without a type.
        precision: Decimal digits of a DECIMAL.
        scale: Digits of a DECIMAL after the point.
        length: Bytes of a VARCHAR or CHAR; 0 if the length is unknown.
        is_literal: Whether it is the type of a literal.
        is_exact: Whether the values have exactly this precision and scale. AWS does not document those of ROUND, MOD
            and others. Their values keep the digits that they have.
        unsized_by: The function whose DECIMAL has an undocumented precision and scale; empty for all other types.
    """

    kind: Kind
    precision: int = 0
    scale: int = 0
    length: int = 0
    is_literal: bool = False
    is_exact: bool = True
    unsized_by: str = ""

    @property
    def is_integer(self) -> bool:
        """Whether it is SMALLINT, INTEGER or BIGINT."""
        return self.kind in _INTEGERS

    @property
    def is_float(self) -> bool:
        """Whether it is REAL or DOUBLE PRECISION."""
        return self.kind in {"float4", "float8"}

    @property
    def is_number(self) -> bool:
        """Whether it is a number."""
        return self.is_integer or self.is_float or self.kind == "numeric"

    @property
    def is_text(self) -> bool:
        """Whether it is VARCHAR or CHAR."""
        return self.kind in {"varchar", "bpchar"}


_INTEGERS: dict[str, int] = {"int2": 5, "int4": 10, "int8": 19}
INT2, INT4, INT8 = SqlType("int2"), SqlType("int4"), SqlType("int8")
FLOAT4, FLOAT8 = SqlType("float4"), SqlType("float8")
BOOL, DATE, TIME = SqlType("bool"), SqlType("date"), SqlType("time")
TIMESTAMP, TIMESTAMPTZ, INTERVAL = SqlType("timestamp"), SqlType("timestamptz"), SqlType("interval")
NULL = SqlType("null")


def decimal(precision: int, scale: int, *, is_exact: bool = True) -> SqlType:
    """Return DECIMAL(precision, scale)."""
    return SqlType("numeric", precision, scale, is_exact=is_exact)


def unsized_decimal(function: str) -> SqlType:
    """Return the DECIMAL that a function returns without a documented precision and scale."""
    return SqlType("numeric", MAX_PRECISION, is_exact=False, unsized_by=function)


def varchar(length: int, *, is_literal: bool = False) -> SqlType:
    """Return VARCHAR(length); 0 is an unknown length."""
    return SqlType("varchar", length=min(length, _LONGEST_TEXT), is_literal=is_literal)


def number_literal(text: str) -> SqlType:
    """Return the type of a number as it is written. An exponent makes it a DOUBLE PRECISION."""
    if "e" in text.lower():
        return SqlType("float8", is_literal=True)
    whole, _, fraction = text.partition(".")
    if "." not in text:
        value = int(whole)
        if value < 2**31:
            return SqlType("int4", is_literal=True)
        if value < 2**63:
            return SqlType("int8", is_literal=True)
    digits = max(1, len(whole.lstrip("0")) + len(fraction))
    if digits > MAX_PRECISION or len(fraction) > MAX_SCALE:
        raise SqlNotSupported(f"the number {text} has more than {MAX_PRECISION} digits or {MAX_SCALE} decimal places")
    return SqlType("numeric", digits, len(fraction), is_literal=True)


def as_decimal(given: SqlType) -> tuple[int, int]:
    """Return the precision and scale as which an integer or a DECIMAL counts."""
    return (given.precision, given.scale) if given.kind == "numeric" else (_INTEGERS[given.kind], 0)


def arithmetic(operator: Operator, a: SqlType | None, b: SqlType | None) -> SqlType | None:
    """Return the type of ``a operator b``; None if it is unknown.

    Raises:
        SqlNotSupported: Redshift or the local Redshift has no such operation.
    """
    if a is None or b is None:
        return None
    if a.kind == "null" or b.kind == "null":
        return b if a.kind == "null" else a
    if a.is_number and b.is_number:
        function = a.unsized_by or b.unsized_by
        if function and operator in {"*", "/"} and not (a.is_float or b.is_float):
            raise SqlNotSupported(
                f"AWS does not document the precision and scale of {function}'s result, so operator {operator} needs a "
                f"cast of it: CAST({function}(…) AS DECIMAL(…))"
            )
        return None if function else _of_numbers(operator, a, b)
    if (a.is_number and b.is_text) or (a.is_text and b.is_number):
        raise SqlNotSupported(
            f"operator {operator} with a text and a number is not supported by the local Redshift: cast the text"
        )
    return _OF_DATES.get((a.kind, operator, b.kind))


_OF_DATES: dict[tuple[str, str, str], SqlType] = {
    **{(kind, operator, "interval"): TIMESTAMP for kind in ("date", "timestamp") for operator in "+-"},
    **{("interval", "+", kind): TIMESTAMP for kind in ("date", "timestamp")},
    **{("date", operator, kind): DATE for kind in _INTEGERS for operator in "+-"},
    **{(kind, "+", "date"): DATE for kind in _INTEGERS},
    **{("timestamptz", operator, "interval"): TIMESTAMPTZ for operator in "+-"},
    **{("time", operator, "interval"): TIME for operator in "+-"},
    **{("interval", operator, kind): INTERVAL for kind in (*_INTEGERS, "numeric", "float8") for operator in "*/"},
    **{(kind, "*", "interval"): INTERVAL for kind in (*_INTEGERS, "numeric", "float8")},
    ("interval", "+", "interval"): INTERVAL,
    ("interval", "-", "interval"): INTERVAL,
    ("interval", "+", "timestamptz"): TIMESTAMPTZ,
    ("date", "-", "date"): INT8,
    ("date", "+", "time"): TIMESTAMP,
    ("timestamp", "-", "timestamp"): INTERVAL,
    ("timestamptz", "-", "timestamptz"): INTERVAL,
}


def _of_numbers(operator: Operator, a: SqlType, b: SqlType) -> SqlType:
    if a.is_float or b.is_float:
        for number, other in ((a, b), (b, a)):
            if number.is_float and number.is_literal and not other.is_float:
                raise SqlNotSupported("a number with an exponent needs a cast to be used with DECIMAL or integers")
        return FLOAT4 if a.kind == b.kind == "float4" else FLOAT8
    if a.is_integer and b.is_integer:
        return SqlType(max(a, b, key=lambda given: _INTEGERS[given.kind]).kind)
    (p1, s1), (p2, s2) = as_decimal(a), as_decimal(b)
    if operator in {"+", "-"}:
        scale = max(s1, s2)
        precision = max(p1 - s1, p2 - s2) + 1 + scale
    elif operator == "*":
        scale = s1 + s2
        precision = p1 + p2 + 1
    elif operator == "/":
        scale = max(_LEAST_SCALE_OF_A_QUOTIENT, s1 + p2 - s2 + 1)
        precision = p1 - s1 + s2 + scale
        if precision > MAX_PRECISION:
            scale = max(MAX_PRECISION + scale - precision, _LEAST_SCALE_OF_A_QUOTIENT)
    else:
        return decimal(max(p1 - s1, p2 - s2) + max(s1, s2), max(s1, s2), is_exact=False)
    if scale > MAX_SCALE:
        raise SqlNotSupported(
            f"DECIMAL({p1},{s1}) {operator} DECIMAL({p2},{s2}) has a scale above {MAX_SCALE}: cast the operands"
        )
    return decimal(min(precision, MAX_PRECISION), scale)


def common_type(types: list[SqlType | None]) -> SqlType | None:
    """Return the type of UNION, CASE, COALESCE and DECODE; None if it is unknown.

    DECIMALs keep all digits before and after the point. More than 19 digits need a DECIMAL(38).
    """
    if not types:
        return None
    found = types[0]
    for other in types[1:]:
        found = _common(found, other)
    return None if found is None else dataclasses.replace(found, is_literal=all(t and t.is_literal for t in types))


_ORDER_OF_TIMES = ("date", "timestamp", "timestamptz")


def _common(a: SqlType | None, b: SqlType | None) -> SqlType | None:
    if a is None or b is None or a.unsized_by or b.unsized_by:
        return None
    if a.kind == "null" or b.kind == "null":
        return b if a.kind == "null" else a
    if a.is_text and b.is_text:
        kind: Kind = "bpchar" if a.kind == b.kind == "bpchar" else "varchar"
        return SqlType(kind, length=max(a.length, b.length) if a.length and b.length else 0)
    for text, other in ((a, b), (b, a)):  # a text literal takes the type of the other one
        if text.is_text and text.is_literal:
            return other
    if a.kind == b.kind and a.kind != "numeric":
        return a
    if a.is_number and b.is_number:
        if a.is_float or b.is_float:
            return FLOAT8
        if a.is_integer and b.is_integer:
            return max(a, b, key=lambda given: _INTEGERS[given.kind])
        (p1, s1), (p2, s2) = as_decimal(a), as_decimal(b)
        is_exact = a.is_exact and b.is_exact
        if (p1, s1) == (p2, s2):
            return decimal(p1, s1, is_exact=is_exact)
        scale = max(s1, s2)
        precision = max(p1 - s1, p2 - s2) + scale
        return decimal(precision if precision <= _LONGEST_SHORT_DECIMAL else MAX_PRECISION, scale, is_exact=is_exact)
    if a.kind in _ORDER_OF_TIMES and b.kind in _ORDER_OF_TIMES:
        return max(a, b, key=lambda given: _ORDER_OF_TIMES.index(given.kind))
    return None


def sum_type(value: SqlType | None) -> SqlType | None:
    """Return the type of SUM.

    Source: https://docs.aws.amazon.com/redshift/latest/dg/r_SUM.html; AVG has the same ones:
    https://docs.aws.amazon.com/redshift/latest/dg/r_AVG.html
    """
    if value is None or value.unsized_by:
        return None
    if value.is_integer:
        return INT8
    if value.kind == "numeric":
        return decimal(MAX_PRECISION, value.scale, is_exact=value.is_exact)
    return FLOAT8 if value.is_float else value if value.kind == "interval" else None
