"""The rows of the fetch, measured with few requests."""

from __future__ import annotations

from dev.bench.fetch import measures
from dev.bench.options import Options


def test_pace_and_memory_are_compared():
    pace, memory = measures(Options(rounds=1, fetch_days=1, memory_days=2), lambda _text: None)
    assert pace.name == "fetch 16 requests at 20 a second"
    assert pace.peer == 16 / 20
    assert pace.ours > 0
    assert memory.name.startswith("memory of 2 days")
    assert (memory.unit, memory.goal) == ("MB", 1.1)
    assert memory.ours > 0
    assert memory.peer is not None
    assert memory.peer > 0
