"""The bundle as built by `make bundle` and unpacked by MWAA: dags/ with sql/ inside, and the contents of plugins/."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bundle.contents import bundle_files
from bundle.preflight.bundle import Bundle
from bundle.preflight.dag_check import unpack

REPOSITORY = Path(__file__).parents[2]

PARSE = """
import sys
from airflow.dag_processing.dagbag import DagBag
bag = DagBag()
assert not bag.import_errors, bag.import_errors
dag = bag.dags["crypto_prices_daily"]
folders = dag.template_searchpath
dag.get_template_env().get_template("load/replace/insert_staged_rows.sql")
import crypto_prices
print(folders[0], crypto_prices.__file__, sep="\\n")
"""


@pytest.fixture(scope="module")
def deployed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("airflow")
    bundle = Bundle(bundle_files(REPOSITORY))
    unpack(bundle.dags, folder / "dags")
    unpack(bundle.plugins.files, folder / "plugins")
    return folder


def run(deployed, code):
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("AWS", "PYTHON"))} | {
        "AIRFLOW_HOME": str(deployed),
        "AIRFLOW__CORE__DAGS_FOLDER": str(deployed / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(deployed / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        # MWAA needs this setting for plugins.
        "AIRFLOW__CORE__LAZY_LOAD_PLUGINS": "False",
    }
    return subprocess.run(
        [sys.executable, "-c", code], cwd=deployed, env=environment, capture_output=True, text=True, check=False
    )


def test_it_parses_in_a_clean_folder_with_its_own_files(deployed):
    result = run(deployed, PARSE)
    assert result.returncode == 0, result.stderr[-3000:]
    sql, package = result.stdout.splitlines()[-2:]
    assert Path(sql) == deployed / "dags" / "sql"
    assert Path(package).is_relative_to(deployed / "plugins")


def test_no_module_of_the_packages_is_loaded_as_a_plugin(deployed):
    result = run(
        deployed,
        "import airflow, sys\nfrom airflow import plugins_manager\n"
        "print(plugins_manager.get_import_errors() if hasattr(plugins_manager, 'get_import_errors') else {})\n"
        "assert not {'settings', 'window', 'warehouse', 'macros'} & set(sys.modules)",
    )
    assert result.returncode == 0, result.stderr[-3000:]


def deployed_files():
    for folder in ("dags", "plugins", "glue_scripts", "sql"):
        for path in sorted((REPOSITORY / folder).rglob("*")):
            if (
                path.is_file()
                and "__pycache__" not in path.parts
                and "sql" not in path.relative_to(REPOSITORY).parts[1:2]
            ):
                yield pytest.param(path, id=path.relative_to(REPOSITORY).as_posix())


@pytest.mark.parametrize("path", deployed_files())
def test_the_bundle_has_no_code_for_a_local_environment(path):
    forbidden = re.compile(
        r"local_?aws|local_?stack|localhost|127\.0\.0\.1|\bmoto\b|endpoint_url|AWS_ENDPOINT|is_local|docker|/\.local\b",
        re.IGNORECASE,
    )
    found = forbidden.findall(path.read_text())
    assert found == []
