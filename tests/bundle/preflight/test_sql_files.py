from pathlib import Path

import pytest

from bundle.preflight.sql_files import check_sql_files

REPOSITORY = Path(__file__).parents[3]


def found(bundle, *, warning=False):
    findings = check_sql_files(bundle)
    assert {finding.warning for finding in findings} <= {warning}
    return [(finding.where, finding.what) for finding in findings]


def test_a_built_bundle_passes(mistakes):
    assert found(mistakes.bundle()) == []


def test_a_missing_file_that_a_task_names_is_reported(mistakes):
    ((where, what),) = found(mistakes.bundle({"dags/sql/load/replace/insert_staged_rows.sql": None}))
    assert where.startswith("plugins.zip/crypto_prices/task_statements.py:")
    assert what == "it names load/replace/insert_staged_rows.sql, which is not in dags/sql/"


def test_a_missing_file_that_a_dag_names_is_reported(mistakes):
    ((where, what),) = found(mistakes.bundle({"dags/other.py": 'Operator(sql="backfill/find_days.sql")\n'}))
    assert where.startswith("dags/other.py:")
    assert what == "it names backfill/find_days.sql, which is not in dags/sql/"


def test_a_missing_file_of_a_family_of_names_is_reported(mistakes):
    gone = {f"dags/sql/ensure_schema/{path.name}": None for path in (REPOSITORY / "sql" / "ensure_schema").iterdir()}
    ((where, what),) = found(mistakes.bundle(gone))
    assert where.startswith("plugins.zip/crypto_prices/load/ensure_schema.py:")
    assert "schema/*.sql" in what


def test_a_missing_include_is_reported(mistakes):
    lines = (REPOSITORY / "dags/sql/load/places.jinja").read_text().splitlines()
    include = next(number for number, line in enumerate(lines, start=1) if "whole_numbers" in line)
    gone = mistakes.bundle({"dags/sql/shared/whole_numbers.jinja": None})
    problem = "it names shared/whole_numbers.jinja, which is not in dags/sql/"
    assert (f"dags/sql/load/places.jinja:{include}", problem) in found(gone)


@pytest.mark.parametrize(
    "tag",
    ["{% include 'load/gone' %}", '{%- import "load/gone.jinja" as g %}', "{% from 'load/gone.jinja' import g %}",
     "{% set markets_file = 'load/gone.jinja' %}", "{% include ['load/gone.jinja', 'load/gone.jinja'] %}"],
)  # fmt: skip
def test_each_way_to_name_a_file_is_found(mistakes, tag):
    bundle = mistakes.bundle({"dags/sql/load/lock_loads.sql": f"SELECT 1\n{tag}\n"})
    assert {where for where, _ in found(bundle)} == {"dags/sql/load/lock_loads.sql:2"}


@pytest.mark.parametrize("tag", ["{% include 'load/gone.jinja' ignore missing %}", "{# {% include 'gone' %} #}"])
def test_optional_includes_may_be_missing(mistakes, tag):
    assert found(mistakes.bundle({"dags/sql/load/lock_loads.sql": f"SELECT 1\n{tag}\n"})) == []


def test_a_file_that_nothing_names_is_a_warning(mistakes):
    bundle = mistakes.bundle({"dags/sql/load/left_over.sql": "SELECT 1", "dags/sql/queries/for_people.sql": "SELECT 1",
                              "dags/sql/migrations/999_new.sql": "SELECT 1"})  # fmt: skip
    assert found(bundle, warning=True) == [("dags/sql/load/left_over.sql", "no DAG, plugin or other SQL file names it")]
