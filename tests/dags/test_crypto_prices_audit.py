"""The audit's own tasks. test_load_window.py tests the runs that they start."""

from datetime import timedelta
from pathlib import Path

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import CronDataIntervalTimetable, TriggerRule

DAGS = Path(__file__).parents[2] / "dags"


@pytest.fixture(scope="module")
def dag():
    return DagBag(dag_folder=DAGS).dags["crypto_prices_audit"]


def test_it_checks_heals_and_checks_again(dag):
    downstream = {task.task_id: task.downstream_task_ids for task in dag.tasks}
    assert downstream == {
        "ensure_schema": {"plan_healing"},
        "plan_healing": {"heal_windows"},
        "heal_windows": {"check_healing"},
        "check_healing": set(),
    }
    heal_windows = dag.get_task("heal_windows")
    assert heal_windows.is_mapped
    assert heal_windows.operator_class is TriggerDagRunOperator
    assert heal_windows.partial_kwargs["trigger_dag_id"] == "crypto_prices_window"
    assert heal_windows.partial_kwargs["deferrable"] is True
    # Windows of different markets may overlap.
    assert heal_windows.partial_kwargs["max_active_tis_per_dagrun"] == 1


def test_only_the_final_check_fails_for_unhealed_days_and_it_runs_even_without_windows(dag):
    assert not dag.get_task("plan_healing").nothing_may_be_left
    check = dag.get_task("check_healing")
    assert check.nothing_may_be_left
    assert check.trigger_rule == TriggerRule.NONE_FAILED


def test_only_the_first_check_fetches_a_sample_again_by_default_as_large_as_the_setting(dag):
    assert dag.get_task("plan_healing").restatement_sample == "{{ params.restatement_sample | tojson }}"
    assert dag.get_task("check_healing").restatement_sample == "0"
    assert dag.params["restatement_sample"] is None


def test_it_runs_weekly_over_the_previous_weeks(dag):
    assert isinstance(dag.timetable, CronDataIntervalTimetable)
    assert dag.timetable.expression == "0 6 * * 1"
    assert dag.catchup is False
    assert dag.max_active_runs == 1
    assert dag.params["days"] == 35
    assert dag.params["ask_again"] == ["quarantined", "venue_down", "empty_day", "empty_response"]


def test_every_task_has_docs_an_owner_and_a_timeout(dag):
    for task in dag.tasks:
        partial = getattr(task, "partial_kwargs", {})
        assert task.owner == "data-platform"
        assert task.doc_md or partial.get("doc_md")
        assert task.execution_timeout <= timedelta(hours=1)
    assert dag.dagrun_timeout == timedelta(days=1)
