"""A test without the mark for it cannot start Spark, PostgreSQL, Airflow or Terraform unnoticed."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.started_programs import program_of, watched_programs

REPOSITORY = Path(__file__).parent.parent
PRETENDED_JAVA = ["bash", "-c", "exec -a java sleep 0.5"]
"""A program that is called java in the list of processes."""


@pytest.mark.parametrize(
    ("command", "mark"),
    [
        (["/usr/bin/java", "-cp", "spark.jar"], "spark"),
        (["/venv/lib/pginstall18/bin/postgres", "-D", "data"], "warehouse"),
        (["python", "-I", "-S", "/repo/local_aws/redshift/postgres_supervisor.py", "probe"], "warehouse"),
        (["python", "-P", "-m", "airflow", "scheduler"], "airflow"),
        (["/venv/bin/python", "-P", "/repo/dev/demo/airflow_run.py", "--date", "2023-12-18"], "airflow"),
        (["/usr/local/bin/terraform", "init"], "terraform"),
        (["make", "airflow"], None),
        (["python", "-m", "local_exchange", "--market-data", "java"], None),
        (["/tmp/pytest-of-me/pytest-1/test_x0/terraform", "init"], None),
    ],
)
def test_programs_are_known_by_what_is_started_first(command, mark):
    assert program_of(command) == mark


def test_a_program_that_the_test_starts_is_noticed():
    with watched_programs() as started, pytest.raises(FileNotFoundError):
        subprocess.run(["/nowhere/java", "-version"], check=False)
    assert started == {"/nowhere/java -version": "spark"}


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="only Linux shows the children of a process")
def test_a_program_that_a_child_process_starts_is_noticed(starts_spark):
    with watched_programs() as started:
        subprocess.run(PRETENDED_JAVA, check=True)
    assert started == {"java 0.5": "spark"}


def test_a_program_that_the_test_starts_itself_is_always_noticed():
    with watched_programs(closely=False) as started, pytest.raises(FileNotFoundError):
        subprocess.run(["/nowhere/java", "-version"], check=False)
    assert started == {"/nowhere/java -version": "spark"}


@pytest.mark.parametrize(
    ("fixtures", "outcome"),
    [
        ("", "1 failed"),
        ("starts_spark", "1 passed"),
        ("starts_local_aws", "1 passed"),
    ],
)
def test_such_a_test_fails_unless_a_fixture_gives_it_the_mark_for_it(starts_spark, tmp_path, fixtures, outcome):
    (tmp_path / "test_it.py").write_text(
        f"import subprocess\ndef test_it({fixtures}):\n    subprocess.run({PRETENDED_JAVA!r}, check=True)\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "tests.conftest", "-c", REPOSITORY / "pyproject.toml",
         "--rootdir", tmp_path, tmp_path / "test_it.py"],
        cwd=REPOSITORY, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert outcome in done.stdout, done.stdout + done.stderr
    assert ("Request the fixture starts_spark." in done.stdout) == (outcome == "1 failed")
