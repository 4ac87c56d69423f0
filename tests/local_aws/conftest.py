"""A bare emulator for all tests of this folder, and a front with only moto behind it for the tests of a module."""

import pytest

from local_aws.front.call_log import CallLog
from local_aws.front.server import Front, HttpServer
from local_aws.launcher import running_local_aws
from local_aws.moto_backend.state import MotoState
from tests.support.emulator_resources import create_resources


@pytest.fixture(scope="session")
def emulator(starts_local_aws, tmp_path_factory):
    """One bare emulator in a separate process on a free port."""
    with running_local_aws(tmp_path_factory.mktemp("emulator")) as running:
        yield running


@pytest.fixture(scope="session")
def resources(emulator):
    """The resources in it."""
    return create_resources(emulator)


@pytest.fixture(scope="module")
def moto_endpoint(tmp_path_factory):
    """The URL of a front in this process with only moto behind it."""
    folder = tmp_path_factory.mktemp("front")
    moto, log = MotoState(folder / "journal.sqlite"), CallLog(folder / "calls.jsonl")
    server = HttpServer(Front(moto=moto, services={}, call_log=log), port=0)
    server.start()
    yield server.endpoint
    server.stop()
    moto.close()
    log.close()
