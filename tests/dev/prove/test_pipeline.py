"""Tests of the process that runs the bundle's DAGs."""

import json
from datetime import date

import pytest

from dev.prove import pipeline
from dev.prove.worker import Worker

DAY = date(2024, 1, 5)
STEP_SECONDS = pipeline._STUCK_SECONDS * 2 / 3


class Clock:
    """The time, in which each look at a run takes two thirds of the time after which a silent run hangs.

    Args:
        home: The worker's folder.
        lines: Number of looks after which the run has written another line of its log. It finishes after one more.
    """

    def __init__(self, home, lines):
        self._home = home
        self._lines = lines
        self._now = 0.0

    def monotonic(self):
        return self._now

    def sleep(self, _seconds):
        self._now += STEP_SECONDS
        if self._now <= self._lines * STEP_SECONDS:
            with (self._home / "dag-runs.log").open("a") as log:
                log.write("a task is running\n")
        elif self._lines:
            with (self._home / "dag-runs.jsonl").open("a") as results:
                results.write(json.dumps({"state": "success", "tasks": []}) + "\n")


@pytest.fixture
def start(tmp_path, monkeypatch):
    """Start a pipeline whose process does nothing; the clock writes its files."""
    program = tmp_path / "program.py"
    program.write_text("import sys\nsys.stdin.read()\n")
    monkeypatch.setattr(pipeline, "_DAG_RUNNER", program)

    def started(lines):
        home = tmp_path / "worker"
        monkeypatch.setattr(pipeline, "time", Clock(home, lines))
        return pipeline.Pipeline(Worker(home, {}))

    return started


def test_a_slow_run_does_not_hang_as_long_as_it_writes_its_log(start):
    with start(lines=5) as running:
        assert running.run("d", DAY).state == "success"


def test_a_run_that_writes_nothing_hangs(start):
    with start(lines=0) as running, pytest.raises(pipeline.PipelineError):
        running.run("d", DAY)
