"""One local AWS for all tests of a session that only need one: in a process of its own, on a free port."""

import pytest

from local_aws.assembly import running_local_aws


@pytest.fixture(scope="session")
def local_aws(tmp_path_factory):
    with running_local_aws(tmp_path_factory.mktemp("state")) as running:
        yield running
