"""Follows docs/how-to/add-a-mart.md to the letter in a copy of the repository, and refreshes the mart."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import guide

PAGE = guide.REPOSITORY / "docs" / "how-to" / "add-a-mart.md"
CHANGED = guide.changed_files(PAGE)
PYTHON = [file for file in CHANGED if file.endswith(".py")]
SQL = [file for file in CHANGED if file.endswith(".sql")]
SQL_FILE_TESTS = ("test_each_file_renders_and_parses_as_redshift_sql", "test_each_file_is_one_statement")
MART_TESTS = (
    "tests/sql/marts/test_any_order.py::test_any_order_of_loads_gives_what_a_rebuild_and_the_oracle_give[0]",
    "tests/plugins/crypto_prices_contract/test_data_dictionary.py",
    "tests/dev/data_dictionary/test_page.py",
    "tests/plugins/crypto_prices/load/test_ensure_schema.py::TestComments::"
    "test_the_real_tables_match_the_data_dictionary_and_have_its_comments",
    *(f"tests/sql/test_sql_files.py::{test}[{file.removeprefix('sql/')}]" for test in SQL_FILE_TESTS for file in SQL),
)
FILLED = """
from tests.sql.marts.test_any_order import RandomLoads


def test_it_has_rows(marts, warehouse):
    sequence = RandomLoads(marts, 0)
    sequence.history()
    marts.refresh()
    assert len({row["month_start"] for row in marts.rows("monthly_prices")}) == 14
    with warehouse.connect("crypto", autocommit=True) as connection:
        connection.execute("SET ROLE crypto_readers")
        assert connection.execute("SELECT * FROM crypto_views.monthly WHERE closes_at > month_start").fetchall()
"""
"""The history of the random loads has 400 days."""


@pytest.fixture(scope="module")
def copy(starts_airflow: None, starts_warehouse: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository after following the page."""
    followed = guide.follow(PAGE, tmp_path_factory.mktemp("copy"))
    assert "\n    make data-dictionary\n" in PAGE.read_text()
    written = guide.run_in(followed, "-m", "dev", "data-dictionary")
    assert written.returncode == 0, written.stderr
    (followed / "tests" / "sql" / "marts" / "test_filled.py").write_text(FILLED)
    return followed


@pytest.mark.timeout(900)
def test_the_mart_is_refreshed_like_the_others(copy):
    tests = (*MART_TESTS, "tests/sql/marts/test_filled.py")
    ended = guide.run_in(copy, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests, timeout=800)
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
