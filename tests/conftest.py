"""What every test relies on: no credentials or AWS settings of the person's own, and an Airflow home of its own."""

import os
import sys
import tempfile
from pathlib import Path

import pytest
from xdist.scheduler import LoadScopeScheduling

REPOSITORY = Path(__file__).parent.parent

# Before anything imports Airflow: it reads these once. A person's own credentials must not be able to reach a test.
for name in [name for name in os.environ if name.startswith(("AWS_", "AIRFLOW_"))]:
    if name != "AWS_CA_BUNDLE":
        del os.environ[name]
os.environ |= {
    "AIRFLOW_HOME": tempfile.mkdtemp(prefix="airflow-home-"),
    "AIRFLOW__CORE__DAGS_FOLDER": str(REPOSITORY / "dags"),
    "AIRFLOW__CORE__PLUGINS_FOLDER": str(REPOSITORY / "plugins"),
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_DEFAULT_REGION": "us-east-1",
    "BOTO_DISABLE_CRT": "true",  # as in local_platform/airflow_environment.py
}
# setup.sh leaves the Java that it found or installed here.
java_home = Path(sys.prefix) / "java"
if java_home.is_dir():
    os.environ["JAVA_HOME"] = str(java_home)


@pytest.fixture(scope="session")
def local_aws(tmp_path_factory):
    """One local AWS for all tests of a session that only need one: in a process of its own, on a free port."""
    from local_platform.local_aws_process import running_platform_aws

    with running_platform_aws(tmp_path_factory.mktemp("state")) as running:
        yield running


class TwoGroups(LoadScopeScheduling):
    """Two groups of tests, which `make test` runs side by side; within each, one process and one order.

    The tests of end_to_end mostly wait for programs that they start. moto's state belongs to a process, so tests that
    run the local AWS in their own must not find that of the others.
    """

    def _split_scope(self, nodeid):
        return "end_to_end" if nodeid.startswith("tests/end_to_end/") else "others"


def pytest_xdist_make_scheduler(config, log):
    return TwoGroups(config, log)
