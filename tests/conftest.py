"""Setup for all tests: none of the user's credentials or AWS settings, and a separate Airflow home."""

import functools
import os
import sys
import tempfile
from pathlib import Path

import botocore.loaders
import botocore.session
import pytest
from xdist.scheduler import LoadScopeScheduling

REPOSITORY = Path(__file__).parent.parent

# Before any import of Airflow, which reads these once. The user's own credentials must not reach a test.
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
# setup.sh links the Java that it found or installed to this place.
java_home = Path(sys.prefix) / "java"
if java_home.is_dir():
    os.environ["JAVA_HOME"] = str(java_home)
# Most of what a client costs is to parse the JSON models of its service. All sessions of a test process share them.
botocore.session.create_loader = functools.cache(botocore.loaders.create_loader)


@pytest.fixture(scope="session")
def local_aws(tmp_path_factory):
    """Run one local AWS for the whole session, in a separate process on a free port."""
    from local_platform.local_aws_process import running_platform_aws

    with running_platform_aws(tmp_path_factory.mktemp("state")) as running:
        yield running


class TwoGroups(LoadScopeScheduling):
    """Two groups of tests, which `make test` runs in parallel; each group runs in one process and in order.

    The end-to-end tests mostly wait for programs that they start. moto's state is global to a process, so tests that
    run the local AWS in the test process must not see the state of other tests.
    """

    def _split_scope(self, nodeid):
        return "end_to_end" if nodeid.startswith("tests/end_to_end/") else "others"


def pytest_xdist_make_scheduler(config, log):
    return TwoGroups(config, log)
