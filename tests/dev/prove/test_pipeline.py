"""Tests of the process that runs the bundle's DAGs."""

from datetime import date

import pytest

from dev.prove import pipeline
from dev.prove.worker import Worker

DAY = date(2024, 1, 5)
RUNS = """
import json, sys, time
results = open(sys.argv[-1], "a")
for line in sys.stdin:
    conf = json.loads(line)["conf"]
    for step in range(conf["steps"]):
        time.sleep(conf["seconds"])
        print("step", step, flush=True)
    results.write(json.dumps({"state": "success", "tasks": []}) + "\\n")
    results.flush()
"""


@pytest.fixture
def running(tmp_path, monkeypatch):
    """Replace the program that runs DAGs by one whose runs take as long as a test says."""
    program = tmp_path / "runs.py"
    program.write_text(RUNS)
    monkeypatch.setattr(pipeline, "_DAG_RUNNER", program)
    monkeypatch.setattr(pipeline, "_STUCK_SECONDS", 5.0)
    with pipeline.Pipeline(Worker(tmp_path / "worker", {})) as started:
        yield started


def test_a_slow_run_does_not_hang_as_long_as_it_writes_its_log(running):
    assert running.run("d", DAY, {"steps": 8, "seconds": 1}).state == "success"


def test_a_run_that_writes_nothing_hangs(running):
    with pytest.raises(pipeline.PipelineError):
        running.run("d", DAY, {"steps": 1, "seconds": 600})


def test_a_process_that_ends_is_reported(running):
    with pytest.raises(pipeline.PipelineError):
        running.run("d", DAY, {"steps": "none"})
