"""Any decimal that fits comes out digit for digit; any other text comes out as NULL, never rounded."""

from __future__ import annotations

import decimal
import json

import pytest
from crypto_prices_etl.exact_numbers import exact_bigint, exact_decimal
from crypto_prices_etl.schemas import PRICE, Decimal
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pyspark.sql import functions as sf

pytestmark = pytest.mark.usefixtures("generated_code")

EXACT = decimal.Context(prec=2000, traps=[decimal.Inexact])

digits = st.text("0123456789", min_size=1, max_size=24)
numbers = st.builds(
    "{}{}{}{}".format,
    st.sampled_from(["", "", "-"]),
    digits,
    st.one_of(st.just(""), digits.map(".{}".format)),
    st.one_of(st.just(""), st.just(""), st.builds("{}{}".format, st.sampled_from("eE"), st.integers(-30, 30))),
)


def convert(spark, texts, conversion):
    frame = spark.range(1).select(sf.explode(sf.from_json(sf.lit(json.dumps(texts)), "array<string>")).alias("text"))
    # Inside the lambda of an array, as in the ETL.
    row = frame.agg(sf.transform(sf.collect_list("text"), conversion).alias("numbers")).first()
    return row["numbers"]


def to_decimal(target):
    return lambda text: exact_decimal(text, target)


def expected(text, target):
    """The expected value comes from Python's exact arithmetic, independent of the digits."""
    number = EXACT.create_decimal(text)
    scaled = EXACT.scaleb(number, target.scale)
    fits = scaled == EXACT.to_integral_value(scaled) and abs(scaled) < 10**target.precision
    return number if fits else None


@given(texts=st.lists(numbers, min_size=200, max_size=300))
# Shrinking would need hundreds of Spark jobs, and a failure already names only the wrong texts.
@settings(
    max_examples=6,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
def test_any_decimal_comes_out_digit_for_digit_or_not_at_all(spark, texts):
    for target in (PRICE, Decimal(38, 8)):
        found = convert(spark, texts, to_decimal(target))
        wrong = {t: n for t, n in zip(texts, found, strict=True) if n != expected(t, target)}
        assert wrong == {}


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("99999999999999999999.999999999999999999", "99999999999999999999.999999999999999999"),
        ("0.000000000000000001", "0.000000000000000001"),
        ("1.1000000000000000000000000000000000000000000000000000", "1.1"),
        ("000000000000000000000000000000000000000000000000001", "1"),
        ("1e-18", "0.000000000000000001"),
        ("0.1e20", "10000000000000000000"),
        ("0e999", "0"),
        ("-0.0", "0"),
        ("100000000000000000000", None),
        ("0.0000000000000000001", None),
        ("1e-19", None),
        ("1e20", None),
        ("1e99999", None),
        *(
            (text, None)
            for text in (
                "",
                " 1",
                "1 ",
                "1\n",
                "+1",
                ".5",
                "5.",
                "1,5",
                "0x1",
                "NaN",
                "Infinity",
                "-",
                "1e",
                "1f",
                "\uff11",
            )
        ),
    ],
)
def test_the_limits_of_the_type(spark, text, number):
    if text not in _borders:
        # One job for all cases.
        every = next(mark.args[1] for mark in test_the_limits_of_the_type.pytestmark if mark.name == "parametrize")
        found = convert(spark, [t for t, _ in every], lambda t: exact_decimal(t, PRICE))
        _borders.update(zip((t for t, _ in every), found, strict=True))
    assert _borders[text] == (None if number is None else decimal.Decimal(number))


_borders: dict[str, decimal.Decimal | None] = {}


def test_integers(spark):
    texts = ["0", "-7", "0017", "9223372036854775807", "9223372036854775808", "1.0", "1e3", " 1", "", "NaN", "x"]
    assert convert(spark, texts, exact_bigint) == [0, -7, 17, 2**63 - 1, None, None, None, None, None, None, None]
