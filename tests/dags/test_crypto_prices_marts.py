"""The DAG of the marts: what wakes it, its tasks, and that each of them can be cleared."""

from datetime import timedelta
from pathlib import Path

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import Asset, AssetOrTimeSchedule, TriggerRule
from crypto_prices import task_statements

DAGS = Path(__file__).parents[2] / "dags"


@pytest.fixture(scope="module")
def dag():
    return DagBag(dag_folder=DAGS).dags["crypto_prices_marts"]


def test_it_plans_refreshes_reports_and_publishes_and_the_last_two_do_not_depend_on_each_other(dag):
    assert {task.task_id: task.downstream_task_ids for task in dag.tasks} == {
        "ensure_schema": {"plan_refresh"},
        "plan_refresh": {"refresh_marts"},
        "refresh_marts": {"report_freshness", "publish_status"},
        "report_freshness": set(),
        "publish_status": set(),
    }


def test_a_load_wakes_it_and_so_does_every_night(dag):
    assert isinstance(dag.timetable, AssetOrTimeSchedule)
    assert list(dag.timetable.asset_condition.objects) == [Asset("crypto.fact_crypto_prices")]
    assert dag.timetable.timetable.expression == "0 3 * * *"
    assert dag.catchup is False
    assert dag.max_active_runs == 1


def test_the_refresh_is_one_batch_of_exactly_these_statements(dag):
    statements = dag.get_task("refresh_marts").sql
    names = [statement.splitlines()[0].removeprefix("-- ") + ".sql" for statement in statements]
    assert names == list(task_statements.REFRESH_MARTS)


def test_it_reports_even_if_there_was_nothing_to_refresh(dag):
    assert dag.get_task("report_freshness").trigger_rule == TriggerRule.NONE_FAILED


def test_the_page_is_updated_even_if_the_marts_could_not_be_refreshed(dag):
    assert dag.get_task("publish_status").trigger_rule == TriggerRule.ALL_DONE


def test_a_full_refresh_is_a_param(dag):
    assert dag.params["full_refresh"] is False
    assert dag.get_task("plan_refresh").full_refresh == "{{ params.full_refresh | tojson }}"


def test_every_task_has_docs_an_owner_and_a_timeout(dag):
    for task in dag.tasks:
        assert task.owner == "data-platform"
        assert task.doc_md
        assert task.execution_timeout <= timedelta(hours=1)
    assert dag.dagrun_timeout == timedelta(hours=3)
