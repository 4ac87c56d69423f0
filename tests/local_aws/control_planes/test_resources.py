import datetime as dt

import pytest

from local_aws.control_planes.resources import Resources, page
from local_aws.protocol.errors import AwsError


class Clock:
    def __init__(self):
        self.moment = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)

    def __call__(self):
        return self.moment

    def pass_seconds(self, seconds):
        self.moment += dt.timedelta(seconds=seconds)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def resources(tmp_path, clock):
    opened = Resources(tmp_path / "r.sqlite", now=clock, pending_seconds=10)
    yield opened
    opened.close()


def test_a_pending_status_ends_with_time(resources, clock):
    resources.put("thing", "a", {"status": "AVAILABLE"}, pending="CREATING")
    assert resources.get("thing", "a") == {"status": "CREATING"}
    clock.pass_seconds(10)
    assert resources.get("thing", "a") == {"status": "AVAILABLE"}


def test_a_resource_disappears_when_its_deletion_ends(resources, clock):
    resources.put("thing", "a", {"status": "AVAILABLE"}, pending="DELETING")
    assert resources.all("thing") == [{"status": "DELETING"}]
    clock.pass_seconds(10)
    assert resources.all("thing") == []
    assert resources.get("thing", "a") is None


def test_documents_survive_the_process(resources, clock, tmp_path):
    resources.put("thing", "a", {"n": 1, "status": "AVAILABLE"}, pending="CREATING")
    again = Resources(tmp_path / "r.sqlite", now=clock)
    assert again.get("thing", "a") == {"n": 1, "status": "CREATING"}
    again.close()


def test_kinds_are_separate_and_names_are_sorted(resources):
    for name in ("b", "a"):
        resources.put("thing", name, {"name": name})
    resources.put("other", "a", {})
    assert resources.all("thing") == [{"name": "a"}, {"name": "b"}]


def test_pages_contain_every_item_once():
    items, token, found = list(range(5)), None, []
    while True:
        part, token = page(items, limit=2, token=token)
        found += part
        if token is None:
            break
    assert found == items


@pytest.mark.parametrize("token", ["nonsense", "bm9wZQ==", "ä"])
def test_an_invented_token_is_refused(token):
    with pytest.raises(AwsError) as caught:
        page([1], limit=1, token=token)
    assert caught.value.code == "ValidationException"
