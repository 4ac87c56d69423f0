"""A process of the local Airflow can import from the checkout only what a process on MWAA can."""

import json
import os
import subprocess

import pytest

from local_platform.airflow_environment import airflow_environment, airflow_home, airflow_python
from local_platform.checkout import REPOSITORY, checkout_environment

DAG = "from airflow.sdk import DAG\nimport {module}\ndag = DAG(dag_id='{dag_id}', schedule=None)\n"
PARSE = """
import json, os
from airflow.dag_processing.dagbag import DagBag
bag = DagBag(os.environ["AIRFLOW__CORE__DAGS_FOLDER"])
print(json.dumps([sorted(bag.dags), list(bag.import_errors.values())]))
"""
NOT_DEPLOYED = ("bundle", "dev", "local_aws", "local_exchange", "local_platform", "crypto_prices_etl")


@pytest.fixture(scope="module")
def parsed(tmp_path_factory):
    """Return the DAGs and the import errors of a folder with one DAG per module, parsed in an Airflow process."""
    state_dir = tmp_path_factory.mktemp("state")
    dags = state_dir / "dags"
    dags.mkdir()
    for module in ("crypto_prices.settings", "crypto_prices_contract.window", *NOT_DEPLOYED):
        dag_id = module.partition(".")[0]
        (dags / f"{dag_id}_dag.py").write_text(DAG.format(module=module, dag_id=dag_id))
    home = airflow_home(state_dir)
    home.mkdir()
    script = home / "parse.py"
    script.write_text(PARSE)
    # Developer commands that start Airflow have this PYTHONPATH, too.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "environ", checkout_environment())
        environment = airflow_environment(state_dir, {})
    done = subprocess.run(
        airflow_python(str(script)),
        env=environment | {"AIRFLOW__CORE__DAGS_FOLDER": str(dags)},
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_a_dag_can_import_deployed_packages(parsed):
    assert parsed[0] == ["crypto_prices", "crypto_prices_contract"]


@pytest.mark.parametrize("module", NOT_DEPLOYED)
def test_importing_anything_else_fails_as_on_mwaa(parsed, module):
    assert any(f"No module named '{module}'" in error for error in parsed[1])


def test_the_developers_own_settings_do_not_reach_airflow(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    monkeypatch.setenv("AWS_PROFILE", "own")
    monkeypatch.setenv("AIRFLOW__CORE__PARALLELISM", "64")
    environment = airflow_environment(tmp_path, {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"})
    assert not {"PYTHONPATH", "AWS_PROFILE", "AIRFLOW__CORE__PARALLELISM"} & set(environment)
    assert environment["AWS_ENDPOINT_URL"] == "http://127.0.0.1:1"
