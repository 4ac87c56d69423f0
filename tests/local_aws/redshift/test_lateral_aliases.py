"""References to an alias of the same SELECT list: https://docs.aws.amazon.com/redshift/latest/dg/r_SELECT_list.html."""

from __future__ import annotations

import pytest

from tests.support.data_api import Client

pytestmark = pytest.mark.usefixtures("starts_warehouse")


@pytest.fixture
def tables(client: Client, schema: str) -> str:
    client.ok(
        f"CREATE TABLE {schema}.raw_data (clicks INT, impressions INT)",
        f"INSERT INTO {schema}.raw_data VALUES (50, 25)",
        f"CREATE TABLE {schema}.t (b INT, c INT)",
        f"INSERT INTO {schema}.t VALUES (7, 3)",
    )
    return schema


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("SELECT clicks / impressions AS p, 100 * p AS q FROM {q}.raw_data", [[2, 200]]),
        ("SELECT c AS x, x + 1 AS y, y + x AS z FROM {q}.t", [[3, 4, 7]]),
        ("SELECT b - c AS net FROM {q}.t WHERE net < 100", [[4]]),
        ("SELECT b - c AS net FROM {q}.t WHERE net > 100", []),
        ("WITH w AS (SELECT c AS y FROM {q}.t) SELECT y AS c, c + 1 AS d FROM w", [[3, 4]]),
        ("SELECT c AS y, y FROM (SELECT * FROM {q}.t) AS s", [[3, 3]]),
        # a column of FROM wins
        ("SELECT c * 10 AS b, b + 1 AS r FROM {q}.t", [[30, 8]]),
        ("SELECT c * 10 AS b FROM {q}.t WHERE b = 7", [[30]]),
    ],
)
def test_an_alias_can_be_used_unless_from_has_a_column_of_its_name(
    client: Client, tables: str, text: str, rows: list[list[int]]
) -> None:
    assert client.rows(text.format(q=tables)) == rows


@pytest.mark.parametrize(
    "text", ["SELECT y + 1 AS z, c AS y FROM {q}.t", "SELECT c AS y, 1 AS z FROM {q}.t WHERE w = 1"]
)
def test_an_alias_must_precede_its_use(client: Client, tables: str, text: str) -> None:
    assert "does not exist" in (client.run(text.format(q=tables)).error or "")
