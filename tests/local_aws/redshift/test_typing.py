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


@pytest.mark.parametrize(
    "text",
    [
        "SELECT a * a FROM {q}.wide",  # DECIMAL(38,36) ends below 100
        "SELECT SUM(big) FROM (SELECT big FROM {q}.wide UNION ALL SELECT big FROM {q}.wide)",
        "SELECT LN(price) FROM {q}.sales",
        "SELECT price * '1.5' FROM {q}.sales",
        "SELECT price::decimal(4,2) FROM {q}.sales",
    ],
)
def test_what_does_not_fit_is_an_error(client: Client, sales: str, text: str) -> None:
    assert client.run(text.format(q=sales)).status == "FAILED"


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
    assert "DECIMALs of unknown type" in (client.run(f"CALL {schema}.multiply(2)").error or "")
