"""References to an alias of the same SELECT list: https://docs.aws.amazon.com/redshift/latest/dg/r_SELECT_list.html."""

from __future__ import annotations

import pytest
import sqlglot

from local_aws.redshift.dialect import RedshiftReader
from local_aws.redshift.lateral_aliases import expand_lateral_aliases

TABLES = {"raw_data": frozenset({"clicks", "impressions"}), "t": frozenset({"b", "c"})}


def expanded(text: str) -> str:
    tree = sqlglot.parse_one(text, read=RedshiftReader)
    expand_lateral_aliases(tree, lambda _schema, name: TABLES.get(name))
    return tree.sql()


@pytest.mark.parametrize(
    ("text", "result"),
    [
        (
            "SELECT clicks / impressions AS p, ROUND(100 * p, 1) AS q FROM raw_data",
            "SELECT clicks / impressions AS p, ROUND(100 * (clicks / impressions), 1) AS q FROM raw_data",
        ),
        ("SELECT c * 10 AS b, b + 1 AS r FROM t", "SELECT c * 10 AS b, b + 1 AS r FROM t"),
        ("SELECT c AS x, x + 1 AS y, y + x AS z FROM t", "SELECT c AS x, (c) + 1 AS y, ((c) + 1) + (c) AS z FROM t"),
        ("SELECT b - c AS net FROM t WHERE net < 100", "SELECT b - c AS net FROM t WHERE (b - c) < 100"),
        ("SELECT y + 1 AS z, c AS y FROM t", "SELECT y + 1 AS z, c AS y FROM t"),
        ("SELECT c AS y, y + 1 AS z FROM unknown", "SELECT c AS y, y + 1 AS z FROM unknown"),
        (
            "WITH w AS (SELECT c AS y FROM t) SELECT y AS c, c + 1 AS d FROM w",
            "WITH w AS (SELECT c AS y FROM t) SELECT y AS c, (y) + 1 AS d FROM w",
        ),
        ("SELECT c AS y, y FROM (SELECT * FROM t) AS s", "SELECT c AS y, (c) AS y FROM (SELECT * FROM t) AS s"),
    ],
)
def test_an_alias_is_expanded_unless_from_has_a_column_of_its_name(text: str, result: str) -> None:
    assert expanded(text) == result


def test_the_catalog_is_not_read_without_a_possible_alias() -> None:
    tree = sqlglot.parse_one("SELECT a AS b, c FROM t WHERE d = 1 ORDER BY b", read=RedshiftReader)

    def columns_of(_schema: str | None, name: str) -> frozenset[str]:
        raise AssertionError(name)

    expand_lateral_aliases(tree, columns_of)
