"""Follows docs/how-to/add-a-column.md to the letter in a copy of the repository, and loads the column."""

from __future__ import annotations

import ast
import gzip
import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from local_platform.local_aws_process import running_platform_aws
from local_platform.names import Provisioned
from local_platform.warehouse_queries import WarehouseQueries
from tests.support import guide

PAGE = guide.REPOSITORY / "docs" / "how-to" / "add-a-column.md"
CHANGED = guide.changed_files(PAGE)
PYTHON = [file for file in CHANGED if file.endswith(".py")]
SQL = [file for file in CHANGED if file.endswith(".sql")]
SQL_FILES = [file.removeprefix("sql/") for file in SQL]
SQL_FILE_TESTS = ("test_each_file_renders_and_parses_as_redshift_sql", "test_each_file_is_one_statement")
COLUMN_TESTS = (
    "tests/glue_scripts/crypto_prices_etl/test_schemas.py",
    "tests/plugins/crypto_prices_contract/test_data_dictionary.py",
    "tests/dev/data_dictionary/test_page.py",
    "tests/sql/test_sql_files.py::test_the_exact_statements_that_replace_rows",
    "tests/sql/test_sql_files.py::test_the_warehouses_columns_match_the_schema_definition",
    "tests/sql/test_sql_files.py::test_all_columns_of_a_replaced_row_are_kept",
    "tests/sql/test_sql_files.py::test_a_load_compares_every_number[taker_buy_base_volume]",
    "tests/sql/test_price_history.py::TestVersions::test_only_a_row_with_another_value_gets_a_version[2-3-taker_buy_base_volume]",
    "tests/sql/test_price_history.py::TestRemoveCandles::test_every_value_of_a_removed_candle_is_kept[taker_buy_base_volume]",
    "tests/sql/test_load.py::TestCheckOrigin::test_every_number_is_compared[9-taker_buy_base_volume]",
    "tests/sql/test_queries.py::TestFactChecksum::test_it_covers_only_the_exchanges_values[taker_buy_base_volume]",
    "tests/sql/test_sql_files.py::test_the_audit_compares_every_number",
    *(f"tests/sql/test_sql_files.py::{test}[{file}]" for test in SQL_FILE_TESTS for file in SQL_FILES),
)


@pytest.fixture(scope="module")
def copy(
    starts_airflow: None, starts_local_aws: None, starts_spark: None, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A copy of the repository after following the page. Its tests start Spark, Airflow and a warehouse."""
    followed = guide.follow(PAGE, tmp_path_factory.mktemp("copy"))
    assert "\n    make data-dictionary\n" in PAGE.read_text()
    written = guide.run_in(followed, "-m", "dev", "data-dictionary")
    assert written.returncode == 0, written.stderr
    return followed


@pytest.mark.parametrize("test", COLUMN_TESTS)
def test_the_tests_of_columns_exist(test):
    file, *path = test.partition("[")[0].split("::")
    node = ast.parse((guide.REPOSITORY / file).read_text())
    for name in path:
        inside = {child.name: child for child in node.body if isinstance(child, (ast.ClassDef, ast.FunctionDef))}
        assert name in inside, f"{file} has no {'::'.join(path)}: adapt COLUMN_TESTS of this file"
        node = inside[name]


@pytest.mark.timeout(1500)
def test_a_day_is_loaded_with_the_column_digit_for_digit(copy, tmp_path):
    demo = ("-m", "dev", "demo", "--state-dir", str(tmp_path), "--date", "2023-12-18", "--symbols", "BTCUSDT")
    ended = guide.run_in(copy, *demo, timeout=1200)
    assert ended.returncode == 0, ended.stdout[-5000:] + ended.stderr[-3000:]
    with running_platform_aws(tmp_path) as aws:
        rows = WarehouseQueries(Provisioned(**{**aws.names, "created": ()})).rows(
            "SELECT observed_at, taker_buy_base_volume, raw_object FROM crypto.fact_crypto_prices ORDER BY observed_at"
        )
        (raw_object,) = {row["raw_object"] for row in rows}
        bucket, key = raw_object.removeprefix("s3://").split("/", 1)
        response = json.loads(gzip.decompress(aws.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()))
    # https://developers.binance.com/docs/binance-spot-api-docs/rest-api/market-data-endpoints#klinecandlestick-data
    expected = {
        f"{datetime.fromtimestamp(candle[0] / 1000, UTC):%Y-%m-%d %H:%M:%S}": Decimal(candle[9]) for candle in response
    }
    assert len(expected) == 24
    assert len(set(expected.values())) > 1
    assert {row["observed_at"]: Decimal(row["taker_buy_base_volume"]) for row in rows} == expected


def test_the_repositorys_own_tests_of_columns_pass_with_it(copy):
    ended = guide.run_in(copy, "-m", "pytest", "-q", "-p", "no:cacheprovider", *COLUMN_TESTS)
    assert ended.returncode == 0, ended.stdout[-5000:]


def test_its_code_has_the_repositorys_style_and_types(copy):
    for check in (
        ["ruff", "check", "--no-cache", *PYTHON],
        ["ruff", "format", "--check", "--no-cache", *PYTHON],
        ["sqlfluff", "lint", *SQL],
        ["mypy", *(file for file in PYTHON if not file.startswith("tests/"))],
    ):
        ended = guide.run_in(copy, "-m", *check)
        assert ended.returncode == 0, ended.stdout
