"""The backfill's own tasks. test_load_window.py tests the runs that they start."""

from datetime import timedelta
from pathlib import Path

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator

DAGS = Path(__file__).parents[2] / "dags"


@pytest.fixture(scope="module")
def dag():
    return DagBag(dag_folder=DAGS).dags["crypto_prices_backfill"]


def test_it_plans_and_then_starts_a_run_for_each_window(dag):
    downstream = {task.task_id: task.downstream_task_ids for task in dag.tasks}
    assert downstream == {
        "ensure_schema": {"plan_backfill"},
        # A cleared window that succeeds makes the run green, so the check does not follow the windows.
        "plan_backfill": {"load_windows", "check_backfill", "replay_loads"},
        "load_windows": set(),
        "replay_loads": set(),
        "check_backfill": set(),
    }
    load_windows = dag.get_task("load_windows")
    assert load_windows.is_mapped
    assert load_windows.operator_class is TriggerDagRunOperator
    assert load_windows.partial_kwargs["trigger_dag_id"] == "crypto_prices_window"


def test_a_window_is_awaited_without_a_worker_and_rerun_under_its_id(dag):
    arguments = dag.get_task("load_windows").partial_kwargs
    assert arguments["deferrable"] is True
    assert arguments["wait_for_completion"] is True
    assert arguments["reset_dag_run"] is True
    # With a logical date, two backfills of the same days could not both start a run.
    assert arguments["logical_date"] is None


def test_every_task_has_docs_an_owner_and_a_timeout(dag):
    for task in dag.tasks:
        partial = getattr(task, "partial_kwargs", {})
        assert task.owner == "data-platform"
        assert task.doc_md or partial.get("doc_md")
        # It applies only while a worker holds the task. A timeout here would not end the wait.
        assert task.execution_timeout <= timedelta(hours=1)
    # This ends the wait for the windows, deferred or not.
    assert dag.dagrun_timeout == timedelta(days=3)
    assert dag.is_paused_upon_creation is False


def test_concurrent_backfills_do_not_wait_for_each_other(dag):
    assert dag.max_active_runs == 16


def test_a_backfill_by_default_asks_the_exchanges_and_deletes_nothing(dag):
    params = dag.params
    # A rebuild has no days, so plan_backfill and not the form requires them.
    assert params["from_raw"] is False
    assert params["chunk_days"] == 31
    assert params["reload"] is False
    # A backfill never deletes candles. Only a user who has checked a window can decide that.
    assert "force" not in params
    assert params["dry_run"] is False
