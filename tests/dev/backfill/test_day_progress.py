from datetime import UTC, date, datetime

from dev.backfill.day_progress import day_progress, summary

FIRST, SECOND, THIRD = date(2024, 1, 1), date(2024, 1, 2), date(2024, 1, 3)
RUNS = [
    {
        "dag_run_id": "backfill__2024-01-02T00:00:00+00:00",  # Airflow names a run after the end of its interval
        "logical_date": "2024-01-01T00:00:00Z",
        "state": "running",
        "start_date": "2026-11-24T10:00:00Z",
        "end_date": None,
    },
    {
        "dag_run_id": "scheduled__2024-01-03T00:00:00+00:00",
        "logical_date": "2024-01-02T00:00:00Z",
        "state": "success",
        "start_date": "2026-11-24T10:00:00Z",
        "end_date": "2026-11-24T10:00:30Z",
    },
]
TASKS = [
    {"dag_run_id": RUNS[0]["dag_run_id"], "task_id": "fetch_prices", "map_index": 1, "state": "running"},
    {"dag_run_id": RUNS[0]["dag_run_id"], "task_id": "curate_prices", "map_index": -1, "state": "deferred"},
    {"dag_run_id": "of another day", "task_id": "reconcile", "map_index": -1, "state": "running"},
]
NOW = datetime(2026, 11, 24, 10, 1, tzinfo=UTC)


def days():
    return day_progress([FIRST, SECOND, THIRD], {FIRST, THIRD}, RUNS, TASKS)


def test_runs_and_tasks_are_matched_to_days_by_logical_date():
    first, second, third = days()
    assert (first.day, first.state, first.is_finished, first.is_new) == (FIRST, "running", False, True)
    assert first.tasks == (("curate_prices", "deferred"), ("fetch_prices[1]", "running"))
    assert first.seconds(NOW) == 60
    assert (second.state, second.is_finished, second.is_new, second.tasks) == ("success", True, False, ())
    assert second.seconds(NOW) == 30
    assert (third.state, third.run_id, third.seconds(NOW)) == (None, None, None)


def test_the_summary_counts_days_and_names_running_tasks():
    assert summary(days()) == "1 done, 1 running, 1 not created of 3 days: curate_prices deferred, fetch_prices[1]"
