"""One local AWS for all tests of a session that only need one, and a front with moto alone for those of a module."""

import pytest

from local_aws.assembly import running_local_aws
from local_aws.call_log import CallLog
from local_aws.moto_state import MotoState
from local_aws.server import Front, HttpServer


@pytest.fixture(scope="session")
def local_aws(tmp_path_factory):
    with running_local_aws(tmp_path_factory.mktemp("state")) as running:
        yield running


@pytest.fixture(scope="module")
def moto_endpoint(tmp_path_factory):
    """The address of a front with moto behind it and nothing else, in this process."""
    folder = tmp_path_factory.mktemp("front")
    moto, log = MotoState(folder / "journal.sqlite"), CallLog(folder / "calls.jsonl")
    server = HttpServer(Front(moto=moto, services={}, call_log=log), port=0)
    server.start()
    yield server.endpoint
    server.stop()
    moto.close()
    log.close()
