"""Airflow is started once, on a bundle with every mistake that only Airflow can detect."""

import io
import zipfile
from pathlib import Path

import pytest

from bundle.contents import PLUGINS
from bundle.preflight.bundle import Bundle
from bundle.preflight.dag_check import MAX_STATEMENTS, check_dags, judge

REPOSITORY = Path(__file__).parents[3]

WITH_MISTAKES = """
import socket
import sys
from datetime import datetime
from pathlib import Path

from airflow.providers.amazon.aws.operators.redshift_data import RedshiftDataOperator
from airflow.sdk import DAG, Asset
from crypto_prices.load_window import load_window_dag_arguments
from crypto_prices.load.ensure_schema import EnsureSchemaOperator

sys.path.insert(0, {repository!r})
import local_aws

try:
    socket.create_connection(("exchange.example.com", 443), timeout=1)
except OSError:
    pass
SQL = Path(__file__).parent / "sql"
with DAG(dag_id="with_mistakes", **load_window_dag_arguments(SQL)):
    RedshiftDataOperator(task_id="one", sql="load/gone.sql", database="d")
    RedshiftDataOperator(task_id="some", sql=["load/lock_loads.sql", "load/gone_too.sql"], database="d")
    RedshiftDataOperator(task_id="many", sql=["SELECT 1"] * 41, database="d")
    RedshiftDataOperator.partial(task_id="mapped", sql="load/gone_as_well.sql").expand(database=["d"])
    EnsureSchemaOperator(task_id="schema", migrations_folder=str(SQL / "gone"))
"""
FILES = {
    "dags/with_mistakes.py": WITH_MISTAKES.format(repository=str(REPOSITORY)),
    "dags/imports_the_checkout.py": "from airflow.sdk import DAG\nimport local_platform.provision\n",
    "dags/raises.py": "from airflow.sdk import DAG\nraise RuntimeError('not at parse time')\n",
    "dags/no_dag.py": "from airflow.sdk import DAG\n",
    "dags/reads_credentials.py": "from airflow.sdk import DAG\nimport boto3\n"
    "assert boto3.Session().get_credentials() is None, 'credentials'\ndag = DAG(dag_id='reads_credentials')\n",
    "dags/sql/load/lock_loads.sql": "SELECT {{ 1 | no_such_filter }}\n",
    "dags/sql/load/guards/check_staging.sql": "SELECT 1\n{% if %}\n",
}
TWICE = """
from airflow.plugins_manager import AirflowPlugin
class One(AirflowPlugin):
    name = "ours"
class Two(AirflowPlugin):
    name = "ours"
"""
PLUGINS_CHANGES = {
    ".airflowignore": "crypto_prices/reconcile/\n",
    "crypto_prices/raises.py": "raise RuntimeError('not at import time')\n",
    "broken_plugin.py": "import nothing_like_it\n",
    "twice_plugin.py": TWICE,
}


@pytest.fixture(scope="module")
def found(mistakes):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW__CORE__DEFAULT_TIMEZONE", "Europe/Berlin")
        findings = check_dags(mistakes.bundle(FILES, plugins=PLUGINS_CHANGES))
    return {(finding.where, finding.what): finding for finding in findings}


def at(found, where):
    return [what for place, what in found if place == where]


def test_an_import_of_something_outside_the_bundle_is_quoted(found):
    (what,) = at(found, "dags/imports_the_checkout.py")
    assert "ModuleNotFoundError: No module named 'local_platform'" in what
    assert "MWAA has only dags/" in found["dags/imports_the_checkout.py", what].todo


def test_an_error_of_a_dag_is_quoted(found):
    (what,) = at(found, "dags/raises.py")
    assert "RuntimeError: not at parse time" in what


def test_an_error_of_a_module_is_quoted(found):
    assert any("RuntimeError: not at import time" in what for what in at(found, "plugins.zip/crypto_prices/raises.py"))


def test_an_error_of_a_plugin_is_quoted_once(found):
    (what,) = at(found, "plugins.zip/broken_plugin.py")
    assert "No module named 'nothing_like_it'" in what


def test_an_error_of_the_plugin_manager_is_quoted(found):
    (what,) = at(found, "plugins.zip/twice_plugin.py")
    assert "Plugin 'ours' already registered" in what


def test_a_module_that_airflow_ran_as_a_top_level_module_is_named(found):
    (what,) = at(found, "plugins.zip/crypto_prices/xcom/batch.py")
    assert "top-level module" in what
    assert at(found, "plugins.zip/crypto_prices/reconcile/reconcile.py") == []


def test_a_file_without_a_dag_is_a_warning(found):
    (what,) = at(found, "dags/no_dag.py")
    assert found["dags/no_dag.py", what].warning


def test_there_are_no_credentials(found):
    assert at(found, "dags/reads_credentials.py") == []


@pytest.mark.parametrize(
    "what",
    [
        "Airflow's option core.default_timezone is Europe/Berlin, but all days are UTC",
        "with_mistakes.one: sql names load/gone.sql, which is not in dags/sql/",
        "with_mistakes.some: sql names load/gone_too.sql, which is not in dags/sql/",
        "with_mistakes.mapped: sql names load/gone_as_well.sql, which is not in dags/sql/",
        "with_mistakes.many has 41 statements, but a batch of the Redshift Data API has at most 40",
        "with_mistakes.schema: migrations_folder names dags/sql/gone, which is not in the bundle",
        "loading the bundle connects to exchange.example.com, and MWAA would do so on every parse",
        f"loading the bundle imported local_aws ({REPOSITORY}/local_aws/__init__.py), which is not part of the bundle",
    ],
)
def test_mistakes_in_a_dag_that_parses_are_reported(found, what):
    assert what in at(found, "dags/")


def test_a_template_that_does_not_compile_is_reported(found):
    (unknown,) = at(found, "dags/sql/load/lock_loads.sql:1")
    assert "no_such_filter" in unknown
    (cut_off,) = at(found, "dags/sql/load/guards/check_staging.sql:2")
    assert "Expected an expression" in cut_off


def test_nothing_else_is_reported(found):
    run = {where for where, what in found if what == "Airflow ran it as a top-level module when it started"}
    assert {where for where, _ in found} - run == {
        "dags/", "dags/imports_the_checkout.py", "dags/no_dag.py", "dags/raises.py",
        "dags/sql/load/guards/check_staging.sql:2", "dags/sql/load/lock_loads.sql:1", "plugins.zip/broken_plugin.py",
        "plugins.zip/twice_plugin.py",
    }  # fmt: skip
    # If the Python version differs from MWAA's, there is also a warning about that.
    assert len([what for what in at(found, "dags/") if not found["dags/", what].warning]) == 8


def test_a_zip_with_paths_outside_its_folder_is_not_unpacked(built):
    content = io.BytesIO(built[PLUGINS])
    with zipfile.ZipFile(content, "a") as archive:
        archive.writestr("../../escaped.py", "x")
    (finding,) = check_dags(Bundle(built | {PLUGINS: content.getvalue()}))
    assert "was not unpacked" in finding.what


RIGHT = {
    "airflow": "3.3.1", "python": [3, 12, 1], "import_errors": {}, "module_errors": {}, "plugin_errors": {},
    "app_error": None,
    "executed": ["ours_plugin.py"], "dags": {"daily": "dags/daily.py"}, "templates": [], "paths": [],
    "template_errors": {}, "reached": [], "foreign": [], "default_timezone": "utc",
}  # fmt: skip


def test_a_bundle_that_loads_passes():
    assert list(judge(RIGHT, ["daily.py"])) == []


@pytest.mark.parametrize(
    ("changes", "what", "warning"),
    [
        ({"dags": {}}, "Airflow found no DAG", False),
        ({"airflow": "3.2.1"}, "parsed with Airflow 3.2.1, but the environment has 3.3.1", False),
        ({"python": [3, 11, 2]}, "parsed with Python 3.11, but the environment has 3.12", True),
        ({"no_airflow": "No module named 'airflow'"}, "has no Airflow, so no DAG was parsed", False),
        ({"exited": "x.py line 3\nSystemExit: 0"}, "ended Airflow's process", False),
        ({"app_error": "FileNotFoundError: page.js"}, "the API server could not start, because a plugin", False),
        ({"executed": ["types.py"]}, "Airflow ran it as a top-level module", False),
        ({"default_timezone": "Europe/Berlin"}, "core.default_timezone is Europe/Berlin, but all days are UTC", False),
    ],
)
def test_each_error_of_the_probe_is_reported(changes, what, warning):
    (finding,) = judge(RIGHT | changes, [])
    assert what in finding.what
    assert finding.warning is warning


@pytest.mark.parametrize(("statements", "problems"), [(MAX_STATEMENTS, 0), (MAX_STATEMENTS + 1, 1)])
def test_a_batch_has_at_most_the_data_apis_number_of_statements(statements, problems):
    template = {"where": "daily.merge", "field": "sql", "statements": statements, "missing": []}
    assert len(list(judge(RIGHT | {"templates": [template]}, ["daily.py"]))) == problems
