"""A front with only moto behind it, for the tests of a module. The whole local AWS is a fixture for all tests."""

import pytest

from local_aws.front.call_log import CallLog
from local_aws.front.server import Front, HttpServer
from local_aws.moto_backend.state import MotoState


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
