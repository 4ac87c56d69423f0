"""The outcome of a statement: right, refused, unknown or wrong."""

from __future__ import annotations

import dataclasses

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from local_aws.conformance.example_files import ANY_ERROR, DATABASE_ERROR, NOT_SUPPORTED, SqlExample
from local_aws.conformance.outcome import Finding, Outcome, failed
from local_aws.conformance.sql_run import StatementResult, Statements, judge, run_sql

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
        ("float8", "0.75", "0.754", "right"),
        ("float8", "0.75", "0.745", "right"),
        ("float8", "0.75", "0.74", "wrong"),
        ("float8", "0.75", "0.76", "wrong"),
        ("float8", "-0.75", "-0.759", "right"),
        ("float8", "100", "100.4", "wrong"),
        ("float8", "1.0", "0.9999999999999999", "right"),
        ("float8", "0.12345678901234567", "0.12345678901234566", "right"),
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
    assert outcome(refused, refused="reason") == ("refused", "passes")
    assert outcome(rows("7"), refused="reason") == ("right", "fails")


def test_a_real_account_refuses_nothing():
    assert outcome(rows("7"), refused="reason", emulated=False) == ("right", "passes")
    assert outcome(StatementResult(error=REFUSAL), refused="reason", emulated=False) == ("wrong", "fails")


def test_an_error_of_postgresql_is_not_a_refusal():
    error = StatementResult(error="ERROR: function round(double precision, integer) does not exist")
    assert outcome(error, refused="reason") == ("wrong", "fails")


def test_a_documented_error_is_right():
    assert outcome(StatementResult(error="ERROR: overflow"), rows=None, error=DATABASE_ERROR) == ("right", "passes")
    assert outcome(rows("7"), rows=None, error=DATABASE_ERROR) == ("wrong", "fails")


@pytest.mark.parametrize(
    ("found", "expected", "right"),
    [
        ('ERROR: syntax error at or near "SELEC"', DATABASE_ERROR, False),
        ('ERROR: syntax error at or near "GROUPS"', ANY_ERROR, True),
        ('ERROR: relation "tt" does not exist', DATABASE_ERROR, False),
        ('ERROR: relation "tt" does not exist', ANY_ERROR, False),
        ("ERROR: permission denied for relation t", DATABASE_ERROR, False),
        ('FATAL: password authentication failed for user "u"', DATABASE_ERROR, False),
        ("ERROR: function every(boolean) does not exist", DATABASE_ERROR, True),
        ('ERROR: relation "w2" does not exist', 'relation "w2" does not exist', True),
        ("ERROR: overflow", "divide by zero", False),
    ],
)
def test_an_error_must_be_the_documented_one(found, expected, right):
    assert (outcome(StatementResult(error=found), rows=None, error=expected)[0] == "right") is right


def test_a_refusal_is_right_where_redshift_documents_that_it_does_not_support_the_statement():
    assert outcome(StatementResult(error=REFUSAL), rows=None, error=NOT_SUPPORTED) == ("right", "passes")
    missing = StatementResult(error='ERROR: relation "tt" does not exist')
    assert outcome(missing, rows=None, error=NOT_SUPPORTED) == ("wrong", "fails")
    assert outcome(rows("7"), rows=None, error=NOT_SUPPORTED) == ("wrong", "fails")


def test_an_error_of_the_transport_is_never_right():
    throttled = StatementResult(error="ThrottlingException: Rate exceeded", of_database=False)
    assert outcome(throttled, rows=None, error=DATABASE_ERROR) == ("wrong", "fails")
    assert outcome(throttled, rows=None, unknown="open") == ("wrong", "fails")


def test_a_refusal_of_the_emulator_is_not_a_documented_error():
    refused = StatementResult(error=REFUSAL)
    assert outcome(refused, rows=None, error=DATABASE_ERROR) == ("refused", "fails")
    assert outcome(refused, rows=None, error=DATABASE_ERROR, refused="reason") == ("refused", "passes")
    assert outcome(StatementResult(error="ERROR: no"), rows=None, error=DATABASE_ERROR, refused="reason") == (
        "right",
        "fails",
    )


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ("ERROR: CREATE RULE is not supported by Redshift or by the local Redshift", "refused"),
        ("ERROR: a VARCHAR that ends in a blank is not supported here by the local Redshift: use RTRIM", "refused"),
        ("An error occurred (NotImplemented) when calling X: SSE-C", "refused"),
        ("InvalidInputException: The local Glue does not support Ray.", "refused"),
        ("ERROR: the connection to the warehouse was lost because the local AWS was stopped", "wrong"),
        ("the local Glue failed: KeyError: 'x'", "wrong"),
        ("InternalFailure: The local Secrets Manager failed unexpectedly; its log has the traceback.", "wrong"),
        ("The local AWS ended while the job run was running.", "wrong"),
    ],
)
def test_only_a_statement_about_support_is_a_refusal(error, expected):
    assert outcome(StatementResult(error=error), refused="reason")[0] == expected


def test_an_internal_error_is_always_wrong():
    broken = StatementResult(error="ERROR: internal error of the local Redshift: KeyError('x')")
    assert outcome(broken, rows=None, error=DATABASE_ERROR) == ("wrong", "fails")
    assert outcome(broken, rows=None, unknown="open") == ("wrong", "fails")


def test_nothing_is_asserted_about_an_unknown_result():
    assert outcome(rows("7"), rows=None, unknown="open") == ("unknown", "passes")
    assert outcome(rows("7"), rows=None, unknown="open", refused="reason") == ("unknown", "fails")


def test_an_unknown_result_is_not_an_error_of_the_emulator():
    error = StatementResult(error="ERROR: no")
    assert outcome(error, rows=None, unknown="open") == ("wrong", "fails")
    assert outcome(error, rows=None, unknown="open", emulated=False) == ("unknown", "passes")
    refused = StatementResult(error=REFUSAL)
    assert outcome(refused, rows=None, unknown="open", refused="reason") == ("refused", "passes")


def test_a_failed_setup_is_never_right():
    failed_setup = StatementResult()
    assert outcome(failed_setup, rows=None, error=DATABASE_ERROR, setup_error="ERROR: no") == ("wrong", "fails")
    assert outcome(failed_setup, refused="reason", setup_error=REFUSAL) == ("refused", "passes")


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
    alone = dataclasses.replace(EXAMPLE, name="alone", sql="SELECT x FROM t", rows=None, error="does not exist")
    truncated = dataclasses.replace(
        first, name="truncated", setup=[*first.setup, "TRUNCATE t"], sql=second.sql, rows=[]
    )
    found = list(run_sql(client, [first, second, third, alone, truncated], values={}, emulated=True))
    assert [(each.name, each.outcome, each.detail) for each in found] == [
        (name, Outcome.RIGHT, "") for name in ("first", "second", "third", "alone", "truncated")
    ]


def test_a_statement_contains_the_targets_names(starts_warehouse, client):
    example = dataclasses.replace(
        EXAMPLE,
        setup=["CREATE TABLE t (x varchar(30))", "INSERT INTO t VALUES ('{bucket} {other}')"],
        sql="SELECT x || '{prefix}' FROM t",
        rows=[["lake {other}own"]],
    )
    (found,) = run_sql(client, [example], values={"bucket": "lake", "prefix": "own"}, emulated=True)
    assert (found.outcome, found.detail) == (Outcome.RIGHT, "")


class _Failing:
    """A client of the Data API whose calls fail, as with an expired token or without a network."""

    def __init__(self, error):
        self._error = error

    def execute_statement(self, **_request):
        raise self._error

    batch_execute_statement = execute_statement


@pytest.mark.parametrize(
    "error",
    [
        ClientError({"Error": {"Code": "ExpiredTokenException", "Message": "expired"}}, "ExecuteStatement"),
        EndpointConnectionError(endpoint_url="https://redshift-data.us-east-1.amazonaws.com"),
    ],
)
def test_a_call_that_fails_is_no_error_of_the_database(error):
    statements = Statements(_Failing(error), {})
    assert [statements.run("SELECT 1").of_database, statements.batch(["SELECT 1"]).of_database] == [False, False]
