"""Setup for all tests: none of the user's credentials or AWS settings, and a separate Airflow home."""

import functools
import os
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import botocore.loaders
import botocore.session
import pytest
from xdist.scheduler import LoadScopeScheduling

import local_aws.protocol
from tests.support.started_programs import watched_programs

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
# Creating a client mostly means parsing the JSON model of its service. The sessions of a test process share the models.
botocore.session.create_loader = functools.cache(botocore.loaders.create_loader)


@pytest.fixture(scope="session")
def starts_spark():
    """Mark the tests that need it as ``spark``: they start a JVM."""


@pytest.fixture(scope="session")
def starts_local_aws():
    """Mark the tests that need it as ``local_aws``: they start the local AWS, or serve all of its state."""


@pytest.fixture(scope="session")
def starts_warehouse():
    """Mark the tests that need it as ``warehouse``: they start PostgreSQL."""


@pytest.fixture(scope="session")
def starts_airflow():
    """Mark the tests that need it as ``airflow``: they start processes of Airflow."""


@pytest.fixture(scope="session")
def starts_browser():
    """Mark the tests that need it as ``browser``: they start the system's Chrome or Chromium."""


@pytest.fixture(scope="session")
def starts_terraform():
    """Mark the tests that need it as ``terraform``: they start Terraform."""


def marks_of(item):
    """Return the marks that a test gets from its fixtures."""
    return {name.removeprefix("starts_") for name in item.fixturenames if name.startswith("starts_")}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    for item in items:
        for mark in sorted(marks_of(item)):
            item.add_marker(mark)
    items.sort(key=lambda item: group_of(item.nodeid))


@contextmanager
def _only_marked_tests_start_programs(item):
    marks = marks_of(item)
    if "local_aws" in marks:
        marks |= {"spark", "warehouse"}
    # A test with a mark is left out of the fast runs anyway.
    with watched_programs(closely=not marks) as started:
        yield
    missing = {command: f"starts_{mark}" for command, mark in started.items() if mark not in marks}
    if missing:
        pytest.fail(
            f"this test starts {sorted(missing)} without the mark for it, so it would slow down runs that leave such "
            f"tests out, as `make test-fast` does. Request the fixture {' and '.join(sorted(set(missing.values())))}.",
            pytrace=False,
        )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item):
    with _only_marked_tests_start_programs(item):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    with _only_marked_tests_start_programs(item):
        return (yield)


@pytest.fixture(scope="session")
def local_aws(starts_local_aws, tmp_path_factory):
    """Run one local AWS for the whole session, in a separate process on a free port."""
    from local_platform.local_aws_process import running_platform_aws

    with running_platform_aws(tmp_path_factory.mktemp("state")) as running:
        yield running


@pytest.fixture(scope="module")
def browser(starts_browser):
    """Run the system's browser, or skip the test if there is none.

    Playwright keeps an event loop running, beside which tests of other modules could not start one.
    """
    from tests.support.browser import started_browser

    with started_browser() as running:
        yield running


GROUPS = (
    ("tests/end_to_end/test_runbook.py", "tests/end_to_end/test_thirty_days.py"),
    ("tests/end_to_end/", "tests/glue_scripts/", "tests/local_aws/"),
    ("tests/terraform/",),
    ("tests/dev/",),
    ("tests/plugins/",),
    ("tests/sql/",),
    (),  # everything else
)
"""Tests that run in one process and in order. The first two groups are the longest, and start together.

moto's state is global to a process, and tests of both run moto in the test process.
The workers of `make test` take the other groups as they become free.
"""


def group_of(nodeid):
    """Return the number of the group of a test."""
    return next(number for number, paths in enumerate(GROUPS) if nodeid.startswith(paths) or number == len(GROUPS) - 1)


class Groups(LoadScopeScheduling):
    """Gives each worker a group of tests after the other, in the order of the groups.

    A run that ``-m`` limits, such as ``make test-fast``, has no long groups. Its groups are the test modules.
    """

    def _split_scope(self, nodeid):
        return nodeid.partition("::")[0] if self.config.option.markexpr else str(group_of(nodeid))


@pytest.hookimpl(optionalhook=True)  # without pytest-xdist, -p no:xdist
def pytest_xdist_make_scheduler(config, log):
    config.option.loadscopereorder = False  # by the number of tests, which says little about their duration
    return Groups(config, log)
