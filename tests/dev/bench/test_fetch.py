"""The rows of the fetch, measured with few requests."""

from __future__ import annotations

import pytest

from dev.bench import fetch
from dev.bench.fetch import measures, memory_of_fetch
from dev.bench.options import Options

KEEPS_ALL_PAGES = """
import sys
from crypto_prices.fetch.raw_zone import RawZone
from dev.bench import fetch_worker

kept, put_page = [], RawZone.put_page
RawZone.put_page = lambda zone, market, page: kept.append(page) or put_page(zone, market, page)
fetch_worker.main(sys.argv[1:])
"""


PARENT_MB = 200


@pytest.fixture(autouse=True)
def large_parent():
    """Let this process hold more memory than a fetch needs."""
    held = bytearray(b"x") * (PARENT_MB * 1_000_000)
    yield
    del held


def test_pace_and_memory_are_compared():
    pace, memory = measures(Options(rounds=1, fetch_days=1, memory_days=100), lambda _text: None)
    assert pace.name == "fetch 16 requests at 20 a second"
    assert pace.peer == 16 / 20
    assert pace.ours > 0
    assert memory.name.startswith("memory of a fetch of 100 days")
    assert memory.ours < PARENT_MB
    assert memory.is_met, memory


def test_a_fetch_that_keeps_its_pages_misses_the_goal(monkeypatch, tmp_path):
    worker = tmp_path / "worker.py"
    worker.write_text(KEEPS_ALL_PAGES)
    monkeypatch.setattr(fetch, "WORKER", (str(worker),))
    _pace, memory = measures(Options(rounds=1, fetch_days=1, memory_days=100), lambda _text: None)
    assert not memory.is_met, memory


def test_the_memory_of_the_interpreter_does_not_hide_a_leak():
    assert not memory_of_fetch(365, {"36": 123.0, "365": 132.0}).is_met
