from unittest.mock import MagicMock

import pytest

from dev.chaos import runs
from dev.chaos.runs import Runs


class Clock:
    """Seconds that pass only while somebody sleeps."""

    def __init__(self):
        self.now = 0.0

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


@pytest.mark.parametrize(("changes", "hangs"), [(True, set()), (False, {"run"})], ids=["slow", "hangs"])
def test_a_slow_run_does_not_hang_as_long_as_its_tasks_change(monkeypatch, changes, hangs):
    clock = Clock()
    monkeypatch.setattr(runs, "time", clock)
    bench = MagicMock()
    ends_at = 5 * runs.STUCK_SECONDS
    bench.api.dag_runs.side_effect = lambda *_, **__: [{"dag_run_id": "run"}] if clock.now < ends_at else []
    bench.api.task_instances.side_effect = lambda *_, **__: [
        {
            "dag_run_id": "run", "task_id": "curate_prices", "map_index": -1, "state": "deferred",
            "try_number": 1 + clock.now // 600 if changes else 1,
        }
    ]  # fmt: skip
    watched = Runs(bench, "crypto_prices_daily", lambda *_: None)
    watched.wait(["run"], "broken")
    assert watched.hanging == hangs
    assert clock.now == pytest.approx(ends_at if changes else runs.STUCK_SECONDS, abs=60)
