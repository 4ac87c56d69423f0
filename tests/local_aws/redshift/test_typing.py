"""Statements whose expressions get Redshift's types from the columns of tables, subqueries, CTEs and set operations."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.data_api import Client

pytestmark = pytest.mark.usefixtures("starts_warehouse")


@pytest.fixture
def sales(client: Client, schema: str) -> str:
    client.ok(
        f"CREATE TABLE {schema}.sales (id int, qty smallint, price decimal(8,2), commission decimal(8,2))",
        f"INSERT INTO {schema}.sales VALUES (1, 4, 728.00, 109.20), (2, 2, 350.00, 52.50)",
        f"CREATE TABLE {schema}.wide (a decimal(38,18), b decimal(15,3), big bigint)",
        f"INSERT INTO {schema}.wide VALUES (100, 2.125, 9223372036854775807)",
    )
    return schema


def columns(client: Client, text: str) -> list[tuple[Any, ...]]:
    found = client.run(text)
    assert found.status == "FINISHED", found.error
    return [(item["name"], item["typeName"], item["precision"], item["scale"]) for item in found.columns]


@pytest.mark.parametrize(
    ("text", "expected", "rows"),
    [
        ("SELECT price / commission FROM {q}.sales", [("?column?", "numeric", 17, 9)], [["6.666666666"]] * 2),
        ("SELECT s.commission * QTY AS r FROM {q}.sales s WHERE id = 1", [("r", "numeric", 14, 2)], [["436.80"]]),
        (
            "WITH x AS (SELECT price p FROM {q}.sales) SELECT p + p AS r FROM (SELECT * FROM x) WHERE p > 500",
            [("r", "numeric", 9, 2)],
            [["1456.00"]],
        ),
        (
            "SELECT * FROM (SELECT price FROM {q}.sales WHERE id = 2 UNION SELECT b FROM {q}.wide) ORDER BY 1",
            [("price", "numeric", 15, 3)],
            [["2.125"], ["350.000"]],
        ),
        (
            "SELECT SUM(price), AVG(price), AVG(qty), MAX(price) FROM {q}.sales",
            [("sum", "numeric", 38, 2), ("avg", "numeric", 38, 2), ("avg", "int8", 19, 0), ("max", "numeric", 8, 2)],
            [["1078.00", "539.00", 3, "728.00"]],
        ),
        (
            "SELECT (SELECT MAX(price) FROM {q}.sales) * 2 FROM {q}.wide",
            [("?column?", "numeric", 19, 2)],
            [["1456.00"]],
        ),
        (
            "SELECT COALESCE(NULL, price), NVL(price, 0), CASE WHEN id = 1 THEN price END FROM {q}.sales WHERE id = 1",
            [("coalesce", "numeric", 8, 2), ("coalesce", "numeric", 12, 2), ("case", "numeric", 8, 2)],
            [["728.00", "728.00", "728.00"]],
        ),
        (
            "SELECT AVG(price) OVER (PARTITION BY qty), LAG(price) OVER (ORDER BY id) FROM {q}.sales WHERE id = 1",
            [("avg", "numeric", 38, 2), ("lag", "numeric", 8, 2)],
            [["728.00", None]],
        ),
        (
            "SELECT s.price * x.price FROM {q}.sales s JOIN {q}.sales x USING (id) WHERE s.id = 2",
            [("?column?", "numeric", 17, 4)],
            [["122500.0000"]],
        ),
    ],
)
def test_the_type_of_an_expression(
    client: Client, sales: str, text: str, expected: list[tuple[Any, ...]], rows: list[list[Any]]
) -> None:
    assert columns(client, text.format(q=sales)) == expected
    assert client.rows(text.format(q=sales)) == rows


def test_a_table_and_a_view_keep_the_types(client: Client, sales: str) -> None:
    client.ok(
        f"CREATE TABLE {sales}.made AS SELECT price / qty AS r, SUM(price) FROM {sales}.sales GROUP BY 1",
        f"CREATE VIEW {sales}.seen AS SELECT r * 2, sum FROM {sales}.made",
    )
    assert columns(client, f"SELECT * FROM {sales}.made") == [("r", "numeric", 14, 8), ("sum", "numeric", 38, 2)]
    assert columns(client, f"SELECT * FROM {sales}.seen") == [("?column?", "numeric", 25, 8), ("sum", "numeric", 38, 2)]


def test_tables_of_the_same_batch_are_known(client: Client, sales: str) -> None:
    outcome = client.batch(
        f"CREATE TEMP TABLE staged AS SELECT price FROM {sales}.sales",
        "UPDATE staged SET price = price * 0.5",
        f"INSERT INTO {sales}.sales SELECT 3, 1, price / 2, NULL FROM staged",
    )
    assert outcome.error is None
    assert client.rows(f"SELECT price FROM {sales}.sales WHERE id = 3 ORDER BY 1") == [["87.50"], ["182.00"]]


def test_temporary_tables_are_known_after_a_truncate(client: Client, sales: str) -> None:
    outcome = client.batch(
        f"CREATE TEMP TABLE staged AS SELECT price FROM {sales}.sales WHERE id = 2",
        f"TRUNCATE {sales}.wide",
        f"INSERT INTO {sales}.wide (b) SELECT price * 1.5 FROM staged",
    )
    assert outcome.error is None
    assert client.rows(f"SELECT b FROM {sales}.wide") == [["525.000"]]


def test_a_cursor_and_a_call_have_redshifts_arithmetic(client: Client, sales: str) -> None:
    client.ok(
        f"""CREATE PROCEDURE {sales}.keep(price IN DECIMAL(8,2)) AS $$
        BEGIN
            INSERT INTO {sales}.sales (id, price) VALUES (9, price);
        END; $$ LANGUAGE plpgsql""",
        f"CALL {sales}.keep(1.5 * 2)",
    )
    assert client.rows(f"SELECT price FROM {sales}.sales WHERE id = 9") == [["3.00"]]
    outcome = client.batch(
        f"DECLARE c CURSOR FOR SELECT price * price AS squared FROM {sales}.sales WHERE id < 3 ORDER BY id",
        "FETCH FORWARD 1 FROM c",
    )
    assert outcome.error is None
    assert client.wait(f"{outcome.id}:2").rows == [["529984.0000"]]


@pytest.mark.parametrize(
    ("text", "expected", "rows"),
    [
        # r_FLOOR, r_CEILING_FLOOR, r_ROUND, r_TRUNC and r_SIGN: the same type as the argument
        ("SELECT FLOOR(qty), CEIL(id) / 2 FROM {q}.sales WHERE id = 1", ["int2", "int4"], [[4, 0]]),
        ("SELECT ROUND(qty, -1), SIGN(id) / 2 FROM {q}.sales WHERE id = 1", ["int2", "int4"], [[0, 0]]),
        ("SELECT CEIL(big), ROUND(big) FROM {q}.wide", ["int8", "int8"], [[9223372036854775807] * 2]),
        ("SELECT FLOOR(qty::real) FROM {q}.sales WHERE id = 1", ["float4"], [[4.0]]),
        # r_OPERATOR_SYMBOLS
        ("SELECT price ^ 2, (price ^ 2) * 2 FROM {q}.sales WHERE id = 2", ["float8", "float8"], [[122500.0, 245000.0]]),
        # r_EXTRACT_function
        ("SELECT EXTRACT(epoch FROM timestamp '2038-01-19 03:14:07.9')", ["int4"], [[2147483647]]),
        ("SELECT EXTRACT(epoch FROM timestamptz '2040-01-01')", ["float8"], [[2208988800.0]]),
        ("SELECT EXTRACT(epoch FROM date '1970-01-02')", ["int4"], [[86400]]),
    ],
)  # fmt: skip
def test_functions_keep_their_documented_type(
    client: Client, sales: str, text: str, expected: list[str], rows: list[list[Any]]
) -> None:
    assert [kind for _, kind, _, _ in columns(client, text.format(q=sales))] == expected
    assert client.rows(text.format(q=sales)) == rows


def test_columns_of_a_union_with_the_same_name_have_common_types(client: Client, sales: str) -> None:
    text = f"SELECT price, price * 2 AS price FROM {sales}.sales WHERE id = 2 UNION ALL SELECT 3.125, 4 ORDER BY 2"
    assert [(name, scale) for name, _, _, scale in columns(client, text)] == [("price", 3), ("price", 2)]
    assert client.rows(text) == [["3.125", "4.00"], ["350.000", "700.00"]]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("SELECT a * a FROM {q}.wide", "Numeric data overflow"),  # DECIMAL(38,36) ends below 100
        (
            "SELECT SUM(big) FROM (SELECT big FROM {q}.wide UNION ALL SELECT big FROM {q}.wide)",
            "out of range",
        ),
        ("SELECT LN(price) FROM {q}.sales", "function ln(numeric) does not exist"),
        ("SELECT price * '1.5' FROM {q}.sales", "with a text and a number"),
        ("SELECT price::decimal(4,2) FROM {q}.sales", "Numeric data overflow"),
        ("SELECT EXTRACT(epoch FROM timestamp '2040-01-01')", "does not fit in INTEGER: use DATE_PART"),
        # the functions' pages name no precision and scale of the DECIMAL
        ("SELECT MEDIAN(price) / 2 FROM {q}.sales", "MEDIAN"),
        ("SELECT TO_NUMBER('12.5', '99.9') * price FROM {q}.sales", "TO_NUMBER"),
    ],
)
def test_what_does_not_fit_is_an_error(client: Client, sales: str, text: str, reason: str) -> None:
    error = client.run(text.format(q=sales)).error or ""
    assert reason in error
    assert "procedure" not in error


def test_functions_with_a_type_of_their_own(client: Client, sales: str) -> None:
    text = f"SELECT pg_backend_pid() * MAX(price) > 0, MEDIAN(price::real) / 2 FROM {sales}.sales"
    assert client.rows(text) == [[True, 269.5]]


def test_a_decimal_of_19_digits_is_an_integer_of_64_bits(client: Client, schema: str) -> None:
    client.ok(
        f"CREATE TABLE {schema}.d (x decimal(19,18))",
        f"INSERT INTO {schema}.d VALUES (9.223372036854775807)",
        f"CREATE TABLE {schema}.copied AS SELECT x FROM {schema}.d",
    )
    for table in ("d", "copied"):
        too_much = client.run(f"INSERT INTO {schema}.{table} VALUES (9.223372036854775808)")
        assert too_much.error == "ERROR: Numeric data overflow (result precision)"


def test_an_untyped_product_is_refused_when_it_runs(client: Client, schema: str) -> None:
    client.ok(
        f"""CREATE PROCEDURE {schema}.multiply(x IN DECIMAL(8,2)) AS $$
        DECLARE y DECIMAL(8,2);
        BEGIN
            y := x * 1.5;
        END; $$ LANGUAGE plpgsql"""
    )
    assert "DECIMALs in a procedure" in (client.run(f"CALL {schema}.multiply(2)").error or "")
