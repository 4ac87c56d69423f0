"""``make sql`` on a state folder: while nothing runs, while a local AWS runs, and with psql."""

import subprocess
import sys

import pytest

from local_platform.checkout import REPOSITORY
from local_platform.local_aws_process import running_platform_aws
from tests.support.programs import processes_with


@pytest.fixture(scope="module")
def state_dir(starts_local_aws, tmp_path_factory):
    return tmp_path_factory.mktemp("state")


@pytest.fixture(scope="module")
def provisioned(state_dir):
    """Provision the folder. Like make airflow, the program of the local AWS announces no names."""
    with running_platform_aws(state_dir):
        pass
    return state_dir


def sql(state_dir, *arguments, typed=""):
    return subprocess.run(
        [sys.executable, "-m", "dev", "sql", "--state-dir", str(state_dir), *arguments],
        cwd=REPOSITORY, capture_output=True, text=True, input=typed, check=False, timeout=240,
    )  # fmt: skip


def test_a_statement_in_redshifts_sql_prints_its_rows_while_nothing_runs(provisioned):
    statement = (
        "SELECT DATEADD(day, 1, CAST('2023-12-18' AS DATE)) AS next, CAST(1.5 AS DECIMAL(38, 18)) AS price, NULL"
    )
    done = sql(provisioned, "--format", "csv", "--sql", statement)
    assert done.returncode == 0, done.stderr
    header, row = done.stdout.splitlines()
    assert header.startswith("next,price,")
    assert row.startswith("2023-12-19")
    assert row.endswith(",1.500000000000000000,")
    assert "starting the local AWS" in done.stderr
    assert processes_with(str(provisioned)) == []


@pytest.mark.parametrize("announced", [True, False])
def test_a_running_local_aws_is_used_and_left_running(provisioned, announced):
    with running_platform_aws(provisioned, provisioned=announced) as running:
        done = sql(provisioned, "--sql", "SELECT 1 AS one")
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.splitlines()[-2:] == [" 1", "(1 row)"]
        # psql needs no port.
        done = sql(provisioned, typed="SELECT current_user, 40 + 2;\n")
        assert (done.returncode, done.stderr) == (0, "")
        assert " admin        |       42" in done.stdout
        failed = sql(provisioned, "--sql", "SELECT no_such_column")
        assert failed.returncode == 1
        assert failed.stderr.startswith("make sql: ")
        assert "no_such_column" in failed.stderr
        two = sql(provisioned, "--sql", "SELECT 1; SELECT 2")
        assert two.returncode == 1
        assert two.stderr.startswith("make sql: ")
        assert running.process.poll() is None
