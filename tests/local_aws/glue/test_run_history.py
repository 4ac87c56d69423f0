from __future__ import annotations

import datetime as dt

from local_aws.glue.run_history import JobRun, RunHistory


def job_run(number, state="SUCCEEDED", job="a"):
    at = dt.datetime(2023, 12, 18, number, tzinfo=dt.UTC)
    return JobRun(f"jr_{number}", job, state, {"--x": "é"}, 60, {"WorkerType": "G.1X"}, at, at)


def test_runs_survive_and_are_listed_newest_first(tmp_path):
    history = RunHistory(tmp_path)
    for run in (job_run(1), job_run(3), job_run(2, "RUNNING"), job_run(4, job="b")):
        history.save(run)
    again = RunHistory(tmp_path)
    assert again.of_job("a") == [job_run(3), job_run(2, "RUNNING"), job_run(1)]
    assert again.get("jr_4") == job_run(4, job="b")
    assert again.get("jr_5") is None
    assert again.unfinished() == [job_run(2, "RUNNING")]


def test_an_interrupted_save_keeps_the_previous_state(tmp_path):
    RunHistory(tmp_path).save(job_run(1))
    (tmp_path / ".jr_1.new").write_text('{"id": "jr_')
    assert RunHistory(tmp_path).get("jr_1") == job_run(1)
