from datetime import date

import pytest
from crypto_prices.sql_literals import SqlValueError, sql_literal, sql_name


@pytest.mark.parametrize(
    ("value", "literal"),
    [
        ("BTC", "'BTC'"),
        ("it's", "'it''s'"),
        ("'; DROP TABLE x; --", "'''; DROP TABLE x; --'"),
        ("a\\'b", "'a\\\\''b'"),
        (480, "480"),
        (-1, "-1"),
        (None, "NULL"),
        (date(2023, 12, 18), "'2023-12-18'"),
    ],
)
def test_values_become_literals(value, literal):
    assert sql_literal(value) == literal


@pytest.mark.parametrize("value", [1.5, True, ["a"], {"a": 1}, "a\0b"])
def test_values_without_a_safe_literal_are_refused(value):
    with pytest.raises(SqlValueError):
        sql_literal(value)


@pytest.mark.parametrize("value", ["stg_crypto_prices_0a", "_x"])
def test_plain_names_pass(value):
    assert sql_name(value) == value


@pytest.mark.parametrize("value", ["", "Stg", "a b", "a;b", "a.b", '"a"', "1a", "a" * 128, None])
def test_other_names_are_refused(value):
    with pytest.raises(SqlValueError):
        sql_name(value)
