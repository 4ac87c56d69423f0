"""Redshift's rules for the types of numbers, with the documentation's examples.

https://docs.aws.amazon.com/redshift/latest/dg/r_numeric_computations201.html
"""

from __future__ import annotations

import pytest

from local_aws.redshift import types
from local_aws.redshift.refusal import SqlNotSupported
from local_aws.redshift.types import SqlType, arithmetic, common_type, decimal, number_literal, sum_type

WIDE = decimal(38, 18)


@pytest.mark.parametrize(
    ("operator", "a", "b", "expected"),
    [
        ("/", decimal(8, 2), decimal(8, 2), decimal(17, 9)),
        ("/", decimal(8, 2), types.INT2, decimal(14, 8)),
        ("/", WIDE, WIDE, decimal(38, 4)),
        ("*", decimal(8, 2), types.INT2, decimal(14, 2)),
        ("*", WIDE, WIDE, decimal(38, 36)),
        ("+", WIDE, WIDE, WIDE),
        ("-", decimal(8, 2), decimal(5, 3), decimal(10, 3)),
        ("+", decimal(5, 2), types.INT8, decimal(22, 2)),
        ("/", types.INT2, types.INT8, types.INT8),
        ("*", decimal(8, 2), types.FLOAT4, types.FLOAT8),
        ("+", types.DATE, types.INT4, types.DATE),
        ("+", types.DATE, types.INTERVAL, types.TIMESTAMP),
        ("*", None, WIDE, None),
    ],
)
def test_arithmetic(operator: types.Operator, a: SqlType | None, b: SqlType | None, expected: SqlType | None) -> None:
    assert arithmetic(operator, a, b) == expected


@pytest.mark.parametrize(
    ("operator", "a", "b"),
    [
        ("*", decimal(38, 20), decimal(38, 18)),  # a scale above 37
        ("*", decimal(8, 2), types.varchar(5)),
        ("+", types.varchar(3, is_literal=True), types.INT4),
        ("*", decimal(8, 2), number_literal("1e2")),
    ],
)
def test_arithmetic_that_is_refused(operator: types.Operator, a: SqlType, b: SqlType) -> None:
    with pytest.raises(SqlNotSupported):
        arithmetic(operator, a, b)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([decimal(7, 2), decimal(15, 3)], decimal(15, 3)),
        ([decimal(10, 2), decimal(8, 4)], decimal(12, 4)),
        ([types.NULL, types.INT2, types.INT4], types.INT4),
        ([types.varchar(10), types.varchar(30)], types.varchar(30)),
        ([types.DATE, types.TIMESTAMP], types.TIMESTAMP),
        ([decimal(7, 2), types.BOOL], None),
    ],
)
def test_the_common_type(given: list[SqlType | None], expected: SqlType | None) -> None:
    assert common_type(given) == expected


def test_the_type_of_a_sum() -> None:
    found = [sum_type(value) for value in (types.INT2, types.INT8, decimal(8, 2), types.FLOAT4, None)]
    assert found == [types.INT8, types.INT8, decimal(38, 2), types.FLOAT8, None]
