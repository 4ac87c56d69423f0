"""A backfill that is watched through Airflow's API. The API is replaced by one that answers from memory."""

import io
from datetime import UTC, date, datetime
from types import SimpleNamespace

import pytest
from rich.console import Console

from dev.backfill import backfill_run
from dev.backfill.command import parse_options
from dev.backfill.screen import Screen

RATE_LIMIT = "crypto_prices.fetch.errors.RateLimitError: HTTP 429, the task waits 60 s"


class Airflow:
    """An Airflow with a failed run of the first day. The second day has no run yet."""

    def __init__(self, _url):
        self.created = False
        self.looks = 0
        self.paused = {"crypto_prices_marts"}
        self.loads_behind = 0
        self.marts_state = "success"

    def dag(self, dag_id):
        return {"is_paused": dag_id in self.paused}

    def pause(self, dag_id):
        self.paused.add(dag_id)

    def unpause(self, dag_id):
        self.paused.remove(dag_id)

    def trigger(self, dag_id):
        assert dag_id not in self.paused
        self.loads_behind = 0 if self.marts_state == "success" else self.loads_behind
        return {"dag_run_id": "refresh"}

    def wait_for_dag_run(self, _dag_id, _run_id, **_options):
        return {"state": self.marts_state}

    def backfills(self, _dag_id):
        return []

    def dry_run_backfill(self, *_days, **_options):
        return [datetime(2024, 1, 2, tzinfo=UTC)]

    def create_backfill(self, *_days, **_options):
        self.created = True

    def dag_runs(self, _dag_id, **_days):
        self.looks += 1
        states = {1: "failed"} | ({2: "running" if self.looks < 4 else "success"} if self.created else {})
        return [
            {
                "logical_date": f"2024-01-0{day}T00:00:00Z", "dag_run_id": f"run {day}", "state": state,
                "start_date": "2026-11-24T10:00:00Z", "end_date": "2026-11-24T10:01:00Z",
            }
            for day, state in states.items()
        ]  # fmt: skip

    def task_instances(self, _dag_id, run_id="~", *, states=()):
        tasks = [("run 1", "merge_into_fact", -1, "failed", 4)]
        if self.created and self.looks < 4:
            # The task waits after its first try in two looks, and after its second in another.
            tasks.append(("run 2", "fetch_prices", 0, "up_for_retry", 1 if self.looks < 3 else 2))
        return [
            {"dag_run_id": run, "task_id": task, "map_index": index, "state": state, "try_number": number}
            for run, task, index, state, number in tasks
            if state in states and run_id in ("~", run)
        ]

    def task_log(self, _dag_id, _run_id, task_id, _try_number, **_index):
        return RATE_LIMIT if task_id == "fetch_prices" else "no exception"


@pytest.fixture
def backfill(monkeypatch, tmp_path):
    def run(*more, loads_behind=0, marts_state="success"):
        airflow = Airflow("")
        airflow.loads_behind, airflow.marts_state = loads_behind, marts_state
        answers = SimpleNamespace(rows=lambda _sql: [{"loads_behind": airflow.loads_behind}])
        monkeypatch.setattr(backfill_run, "WarehouseQueries", lambda _names: answers)
        found = SimpleNamespace(url="http://127.0.0.1:1", names=object())
        monkeypatch.setattr(backfill_run, "running_airflow", lambda _folder: found)
        monkeypatch.setattr(backfill_run, "AirflowApi", lambda _url: airflow)
        monkeypatch.setattr(backfill_run, "LOOK_SECONDS", 0)
        monkeypatch.setattr(backfill_run.BackfillRun, "_rows", lambda _self, _names: {date(2024, 1, 2): 24})
        output = io.StringIO()
        days = ("--from", "2024-01-01", "--to", "2024-01-02", "--state-dir", str(tmp_path))
        run = backfill_run.BackfillRun(parse_options([*days, *more]), Screen(Console(file=output, width=160)))
        return airflow, run.execute(), output.getvalue()

    return run


def test_a_dry_run_shows_the_days_that_would_run_and_starts_none(backfill):
    airflow, succeeded, text = backfill("--dry-run")
    assert succeeded
    assert not airflow.created
    lines = text.splitlines()
    assert any("2024-01-01" in line and "failed (earlier run)" in line for line in lines)
    assert any("2024-01-02" in line and "would run" in line for line in lines)
    assert "1 of 2 days would run" in text


def test_each_failed_try_is_shown_once_with_its_reason(backfill):
    airflow, succeeded, text = backfill()
    assert airflow.created
    assert not succeeded  # the first day's earlier run failed
    retries = [line.strip() for line in text.splitlines() if "next try" in line]
    assert [line.split(" failed")[0] for line in retries] == [
        "2024-01-02: try 1 of fetch_prices[0]",
        "2024-01-02: try 2 of fetch_prices[0]",
    ]
    assert all("HTTP 429" in line for line in retries)


def test_the_marts_have_the_loads_at_the_end_and_are_paused_again(backfill):
    airflow, _, text = backfill(loads_behind=1)
    assert airflow.loads_behind == 0
    assert airflow.paused == {"crypto_prices_marts"}
    assert "The marts have all loads." in text


def test_a_failed_refresh_of_the_marts_is_named(backfill):
    airflow, succeeded, text = backfill(loads_behind=1, marts_state="failed")
    assert not succeeded
    assert airflow.paused == {"crypto_prices_marts"}
    assert "crypto_prices_marts failed" in text
