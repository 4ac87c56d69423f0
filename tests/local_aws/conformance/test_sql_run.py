"""The outcome of a statement: right, refused, unknown or wrong."""

from __future__ import annotations

import dataclasses

import pytest

from local_aws.conformance.example_files import SqlExample
from local_aws.conformance.outcome import Finding, Outcome, failed
from local_aws.conformance.sql_run import StatementResult, judge, run_sql

EXAMPLE = SqlExample(area="a", name="n", source="https://docs.aws.amazon.com/x", sql="SELECT x FROM t", rows=[["7"]])
INT = [{"label": "x", "typeName": "int4", "precision": 10, "scale": 0}]
REFUSAL = "ERROR: function f() is not supported by the local Redshift"


def outcome(result, *, emulated=True, setup_error="", **changes):
    example = dataclasses.replace(EXAMPLE, **changes)
    found, _detail, surprising = judge(example, result, setup_error=setup_error, emulated=emulated)
    finding = Finding("s", "a", "n", "u", found, surprising=surprising)
    return found.value, "fails" if failed([finding]) else "passes"


def rows(*values, columns=INT):
    return StatementResult(columns=columns, rows=[[value] for value in values])


def test_the_documented_rows_are_right():
    assert outcome(rows("7")) == ("right", "passes")
    assert outcome(rows("8")) == ("wrong", "fails")
    assert outcome(rows("7", "7")) == ("wrong", "fails")


def test_rows_have_an_order_only_if_it_is_documented():
    two = [["1"], ["2"]]
    assert outcome(rows("2", "1"), rows=two) == ("right", "passes")
    assert outcome(rows("2", "1"), rows=two, ordered=True) == ("wrong", "fails")


def test_a_null_is_not_an_empty_text():
    assert outcome(rows(""), rows=[[None]]) == ("wrong", "fails")
    assert outcome(rows(None), rows=[[None]]) == ("right", "passes")


@pytest.mark.parametrize(
    ("kind", "documented", "found", "expected"),
    [
        ("numeric", "1.5", "1.50", "wrong"),
        ("float8", "1.41421356237309", "1.4142135623730951", "right"),
        ("float8", "1.41421356237310", "1.4142135623730951", "right"),
        ("float8", "1.41421356237309", "1.41421356237", "wrong"),
        ("float8", "2", "2.0", "right"),
        ("float8", "2", "3.0", "wrong"),
        ("float8", "NaN", "nan", "right"),
        ("bool", "true", "t", "right"),
        ("bool", "true", "f", "wrong"),
        ("bpchar", "abc", "abc  ", "right"),
        ("varchar", "abc", "abc  ", "wrong"),
    ],
)
def test_values_are_compared_by_their_type(kind, documented, found, expected):
    result = rows(found, columns=[{"label": "x", "typeName": kind}])
    assert outcome(result, rows=[[documented]])[0] == expected


def test_the_documented_part_of_the_columns_is_compared():
    numeric = [{"label": "x", "typeName": "numeric", "precision": 17, "scale": 9}]
    documented = [{"name": "x", "type": "numeric", "precision": 17, "scale": 9}]
    assert outcome(rows("7", columns=numeric), columns=documented) == ("right", "passes")
    assert outcome(rows("7", columns=numeric), columns=[{"precision": 38}]) == ("wrong", "fails")
    assert outcome(rows("7", columns=numeric), columns=[{}, {"type": "int4"}]) == ("wrong", "fails")


def test_a_refusal_fails_the_run_unless_it_is_marked():
    refused = StatementResult(error=REFUSAL)
    assert outcome(refused) == ("refused", "fails")
    assert outcome(refused, refused=True) == ("refused", "passes")
    assert outcome(rows("7"), refused=True) == ("right", "fails")


def test_a_real_account_refuses_nothing():
    assert outcome(rows("7"), refused=True, emulated=False) == ("right", "passes")
    assert outcome(StatementResult(error=REFUSAL), refused=True, emulated=False) == ("wrong", "fails")


def test_an_error_of_postgresql_is_not_a_refusal():
    error = StatementResult(error="ERROR: function round(double precision, integer) does not exist")
    assert outcome(error, refused=True) == ("wrong", "fails")


def test_a_documented_error_is_right():
    assert outcome(StatementResult(error="ERROR: overflow"), rows=None, error=True) == ("right", "passes")
    assert outcome(rows("7"), rows=None, error=True) == ("wrong", "fails")


def test_an_internal_error_is_always_wrong():
    broken = StatementResult(error="ERROR: internal error of the local Redshift: KeyError('x')")
    assert outcome(broken, rows=None, error=True) == ("wrong", "fails")
    assert outcome(broken, rows=None, unknown="open") == ("wrong", "fails")


def test_nothing_is_asserted_about_an_unknown_result():
    assert outcome(rows("7"), rows=None, unknown="open") == ("unknown", "passes")
    assert outcome(StatementResult(error="ERROR: no"), rows=None, unknown="open") == ("unknown", "passes")


def test_a_failed_setup_is_never_right():
    failed_setup = StatementResult()
    assert outcome(failed_setup, rows=None, error=True, setup_error="ERROR: no") == ("wrong", "fails")
    assert outcome(failed_setup, refused=True, setup_error=REFUSAL) == ("refused", "passes")


def test_an_example_finds_only_its_own_tables(starts_warehouse, client):
    first = dataclasses.replace(
        EXAMPLE,
        name="first",
        setup=["CREATE TABLE t (x int)", "INSERT INTO t VALUES (7)"],
        sql="DELETE FROM t",
        rows=[],
    )
    second = dataclasses.replace(first, name="second", sql="SELECT x FROM t", rows=[["7"]])
    third = dataclasses.replace(second, name="third", sql="SELECT x + 1 FROM t", rows=[["8"]])
    alone = dataclasses.replace(EXAMPLE, name="alone", sql="SELECT x FROM t", rows=None, error=True)
    truncated = dataclasses.replace(
        first, name="truncated", setup=[*first.setup, "TRUNCATE t"], sql=second.sql, rows=[]
    )
    found = list(run_sql(client, [first, second, third, alone, truncated], emulated=True))
    assert [(each.name, each.outcome, each.detail) for each in found] == [
        (name, Outcome.RIGHT, "") for name in ("first", "second", "third", "alone", "truncated")
    ]
