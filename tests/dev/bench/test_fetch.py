"""The rows of the fetch, measured with few requests."""

from __future__ import annotations

from dev.bench.fetch import measures, memory_of_fetch
from dev.bench.options import Options


def test_pace_and_memory_are_compared():
    pace, memory = measures(Options(rounds=1, fetch_days=1, memory_days=2), lambda _text: None)
    assert pace.name == "fetch 16 requests at 20 a second"
    assert pace.peer == 16 / 20
    assert pace.ours > 0
    assert memory.name.startswith("memory that a fetch of 2 days")
    # So few days add less memory than two processes differ by.
    assert (memory.unit, memory.goal) == ("MB", 1.1)


def test_the_memory_of_the_interpreter_does_not_hide_a_leak():
    """A tenth of 365 days adds 3 MB, and all of them 12 MB."""
    leak = memory_of_fetch(365, {"0": 120.0, "36": 123.0, "365": 132.0})
    assert (leak.ours, leak.peer, leak.is_met) == (12.0, 3.0, False)
