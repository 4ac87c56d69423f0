import re

import pytest
import sqlfluff
import sqlglot
import sqlparse
from crypto_prices.market_sets import market_set_name
from crypto_prices_etl import schemas
from sqlglot import exp

from tests.support.rendered_sql import SQL, rendered_sql

FILES = sorted(path.relative_to(SQL).as_posix() for path in SQL.rglob("*.sql"))

NUMBERS = [c.name for c in schemas.CURATED_COLUMNS if isinstance(c.type, schemas.Decimal | schemas.BigInt)]
HISTORY = {
    "stg_crypto_prices": [],
    "fact_crypto_prices": ["valid_from_load BIGINT"],
    "price_versions": [
        "valid_from_load BIGINT NOT NULL",
        "valid_to_load BIGINT NOT NULL",
        "closed_as VARCHAR(8) NOT NULL",
    ],
}
"""The columns of a table that are not in the files."""

# A column's name, type and NOT NULL.
COLUMN = r"\w+ \w+(?:\([\d, ]+\))?(?: NOT NULL)?"


def one_line(sql):
    sql = re.sub(r"--[^\n]*", "", sql)
    return re.sub(r"\s+", " ", sql).strip()


def test_all_kinds_of_files_are_found():
    assert {name.split("/")[0] for name in FILES} == {
        "migrations", "ensure_schema", "plan", "load", "publish", "reconcile", "backfill", "audit", "marts", "status",
        "receipts", "queries", "records", "rebuild",
    }  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_each_file_renders_and_parses_as_redshift_sql(name):
    sqlfluff.parse(rendered_sql(name), dialect="redshift")


@pytest.mark.parametrize("name", FILES)
def test_texts_in_a_subquery_have_a_type(name):
    """If there is only one row, Redshift gives them the type unknown and cannot compare them. PostgreSQL can.

    https://github.com/OHDSI/SqlRender/issues/66
    """
    if rendered_sql(name).splitlines()[-1].startswith("LOCK "):
        return  # sqlglot cannot parse it, and it has no texts
    tree = sqlglot.parse_one(rendered_sql(name), dialect="redshift")
    inner = [select for select in tree.find_all(exp.Select) if select.find_ancestor(exp.CTE, exp.Subquery)]
    untyped = [
        column.sql()
        for select in inner
        for column in select.expressions
        if isinstance(column.unalias(), exp.Literal) and column.unalias().is_string
    ]
    assert untyped == []


def test_sql_that_is_not_redshifts_does_not_parse():
    with pytest.raises(sqlfluff.api.simple.APIParsingError):
        sqlfluff.parse("MERGE INTO a USING b WHEN MATCHED", dialect="redshift")


@pytest.mark.parametrize("name", FILES)
def test_each_file_is_one_statement(name):
    """The Data API's ExecuteStatement accepts one statement, and a batch is a list of files."""
    if "LANGUAGE plpgsql" in rendered_sql(name):
        return  # its body has semicolons, but Redshift reads it as one literal
    assert len(sqlparse.split(rendered_sql(name))) == 1
    assert not rendered_sql(name).rstrip().endswith(";")


@pytest.mark.parametrize("name", FILES)
def test_values_are_inserted_only_through_filters(name):
    for expression in re.findall(r"{{(.*?)}}", (SQL / name).read_text()):
        assert re.search(r"\| *(literal|name)\b|map\('literal'\)", expression), expression


def test_the_exact_copy_statement():
    assert one_line(rendered_sql("load/staging/copy_to_staging.sql")) == (
        "COPY crypto.stg_crypto_prices_0123456789abcdef "
        "FROM 's3://lake/curated/_manifests/jr_1/copy_manifest.json' "
        "IAM_ROLE 'arn:aws:iam::123456789012:role/crypto-prices-redshift-copy' "
        "FORMAT AS PARQUET MANIFEST"
    )


def test_the_exact_statements_that_replace_rows():
    key = ["source", "symbol", "quote_currency", "candle_interval", "observed_at"]
    columns = [column.name for column in schemas.CURATED_COLUMNS]
    staging = "crypto.stg_crypto_prices_0123456789abcdef"
    assert one_line(rendered_sql("load/replace/delete_replaced_rows.sql")) == (
        "DELETE FROM crypto.fact_crypto_prices USING compared_rows AS compared WHERE "
        "fact_crypto_prices.observed_at >= '2023-12-18' AND fact_crypto_prices.observed_at < '2023-12-19' AND "
        + " AND ".join(f"fact_crypto_prices.{column} = compared.{column}" for column in key)
    )
    assert one_line(rendered_sql("load/replace/insert_staged_rows.sql")) == (
        f"INSERT INTO crypto.fact_crypto_prices ( {', '.join(columns)}, valid_from_load ) "
        f"SELECT {', '.join(f'staged.{column}' for column in columns)}, "
        "COALESCE(confirmed.valid_from_load, load_counter.last_load_number) AS valid_from_load "
        f"FROM {staging} AS staged CROSS JOIN crypto.load_counter LEFT JOIN compared_rows AS confirmed ON "
        + " AND ".join(f"staged.{column} = confirmed.{column}" for column in key)
        + " AND confirmed.closed_as IS NULL"
    )


def test_all_columns_of_a_replaced_row_are_kept():
    columns = [column.name for column in schemas.CURATED_COLUMNS]
    insert = sqlglot.parse_one(rendered_sql("load/history/insert_price_versions.sql"), dialect="redshift")
    history = ["valid_from_load", "valid_to_load", "closed_as"]
    assert [column.name for column in insert.this.expressions] == [*columns, *history]
    assert insert.expression.named_selects == [*columns, *history]


@pytest.mark.parametrize("column", NUMBERS)
def test_a_load_compares_every_number(column):
    """A restated value that is not compared would replace the old one without a trace."""
    compared = one_line(rendered_sql("load/replace/compare_rows.sql"))
    assert f"present.{column} <> staged.{column} OR (present.{column} IS NULL) <> (staged.{column} IS NULL)" in compared


def test_a_merge_deletes_only_rows_of_its_window_and_markets():
    compared = one_line(rendered_sql("load/replace/compare_rows.sql"))
    assert compared[compared.index("FROM crypto.fact_crypto_prices") :].startswith(
        "FROM crypto.fact_crypto_prices WHERE "
        "observed_at >= '2023-12-18' AND observed_at < '2023-12-19' "
        "AND source || '/' || candle_interval || '/' || symbol || '/' || quote_currency IN ( "
        "SELECT 'binance/1h/' || market_sets.symbol || '/' || market_sets.quote_currency FROM crypto.market_sets "
        f"WHERE market_sets.market_set = '{market_set_name(['BTC/USDT', 'ETH/USDT'])}' UNION ALL "
        "SELECT 'coinbase/1h/' || market_sets.symbol || '/' || market_sets.quote_currency FROM crypto.market_sets "
        f"WHERE market_sets.market_set = '{market_set_name(['BTC/USD'])}' ) ) "
    )


@pytest.mark.parametrize("table", HISTORY)
def test_the_warehouses_columns_match_the_schema_definition(table):
    (created,) = (SQL / "migrations").glob(f"*_create_{table}.sql")
    columns = re.findall(rf"^    (?!PRIMARY)({COLUMN})", created.read_text(), re.MULTILINE)
    for migration in sorted((SQL / "migrations").glob("*.sql")):
        columns += re.findall(
            rf"^ALTER TABLE crypto\.{table} ADD COLUMN ({COLUMN})", migration.read_text(), re.MULTILINE
        )
    assert set(HISTORY[table]) <= set(columns)
    curated = [re.sub(r", (\d+\))", r",\1", column) for column in columns if column not in HISTORY[table]]
    assert curated == schemas.redshift_columns()


def test_the_audit_compares_every_number():
    selected = sqlglot.parse_one(rendered_sql("audit/find_candles.sql"), dialect="redshift").named_selects
    assert selected == ["source", "symbol", "quote_currency", "observed_at", *NUMBERS]
