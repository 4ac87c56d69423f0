"""The DAGs that load a window: the rules for every task, and the exact order of the tasks."""

from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.providers.amazon.aws.operators.glue import GlueJobOperator
from airflow.providers.amazon.aws.sensors.glue_catalog_partition import GlueCatalogPartitionSensor
from airflow.sdk import Asset
from crypto_prices.aws.run_statements import RunStatementsOperator
from crypto_prices.curate.curate_prices import CuratePricesOperator
from crypto_prices.plan.day_timetable import DayTimetable
from crypto_prices.publish.wait_for_partition import WaitForPartitionSensor

from local_platform.markets import FIRST_DAY

DAGS = Path(__file__).parents[2] / "dags"

ORDER = [
    "resolve_window",
    "ensure_schema",
    "fetch_prices",
    "plan_load",
    "curate_prices",
    "read_curation_report",
    "copy_to_staging",
    "check_staging",
    "merge_into_fact",
    "publish_partitions",
    "record_load",
    "wait_for_partition",
    "reconcile",
    "require_sources",
]
BESIDE = ["drop_staging", "write_load_records"]
LEAVES = ["require_sources", "write_load_records"]


@pytest.fixture(scope="module")
def dagbag():
    return DagBag(dag_folder=DAGS)


@pytest.fixture(scope="module", params=["crypto_prices_daily", "crypto_prices_window"])
def dag(dagbag, request):
    return dagbag.dags[request.param]


@pytest.fixture(scope="module")
def daily(dagbag):
    return dagbag.dags["crypto_prices_daily"]


def tasks():
    return pytest.mark.parametrize("task_id", [*ORDER, *BESIDE])


def test_every_dag_file_imports(dagbag):
    assert dagbag.import_errors == {}
    assert dagbag.dags


def test_the_tasks_run_in_exactly_this_order(dag):
    assert set(dag.task_ids) == {*ORDER, *BESIDE}
    downstream = {task.task_id: task.downstream_task_ids for task in dag.tasks}
    chain = {task_id: {following} for task_id, following in pairwise(ORDER)}
    # A task that reads another task's result also depends on it directly.
    chain["copy_to_staging"] |= {"drop_staging"}
    # The staging table is dropped in parallel to the publication.
    chain["merge_into_fact"] |= {"drop_staging"}
    chain["drop_staging"] = {"reconcile"}
    chain["resolve_window"] |= {"fetch_prices"}
    # A load is right without its record, but its run is not green.
    chain["record_load"] |= {"write_load_records"}
    assert downstream == chain | {leaf: set() for leaf in LEAVES}


GROUPS = {
    "fetch": {"resolve_window", "ensure_schema", "fetch_prices", "plan_load"},
    "curate": {"curate_prices", "read_curation_report"},
    "warehouse": {"copy_to_staging", "check_staging", "merge_into_fact", "drop_staging"},
    "catalog": {"publish_partitions", "record_load", "write_load_records", "wait_for_partition"},
    "check": {"reconcile", "require_sources"},
}


def test_the_graph_shows_five_groups_in_one_row(dag):
    """Airflow shows groups collapsed."""
    group_of = {task_id: group for group, task_ids in GROUPS.items() for task_id in task_ids}
    assert {group: set(dag.task_group_dict[group].children) for group in GROUPS} == GROUPS
    assert set(dag.task_group_dict) - {None} == set(GROUPS)
    edges = {
        (group_of[task.task_id], group_of[other])
        for task in dag.tasks
        for other in task.downstream_task_ids
        if group_of[task.task_id] != group_of[other]
    }
    # drop_staging is the only way around a group.
    assert edges == {*pairwise(GROUPS), ("warehouse", "check")}


def test_each_edge_between_groups_says_what_it_means(dag):
    labels = {
        (task.task_id, other): dag.get_edge_info(task.task_id, other).get("label")
        for task in dag.tasks
        for other in task.downstream_task_ids
    }
    assert {edge: label for edge, label in labels.items() if label} == {
        ("plan_load", "curate_prices"): "new content",
        ("read_curation_report", "copy_to_staging"): "counts",
        ("merge_into_fact", "publish_partitions"): "loaded",
        ("wait_for_partition", "reconcile"): "readable",
    }


def test_the_list_of_dags_shows_which_one_to_start_with(dagbag):
    names = {dag.dag_display_name: dag_id for dag_id, dag in dagbag.dags.items()}
    assert [names[name] for name in sorted(names)] == [
        *("crypto_prices_daily", "crypto_prices_backfill", "crypto_prices_audit", "crypto_prices_window"),
        *("crypto_prices_marts", "crypto_prices_explain"),
    ]
    # The documentation uses the ids.
    assert all(dag_id in name for name, dag_id in names.items())
    assert "start here" in dagbag.dags["crypto_prices_daily"].dag_display_name
    tagged = {dag_id for dag_id, dag in dagbag.dags.items() if "start here" in dag.tags}
    assert tagged == {"crypto_prices_daily"}


def test_each_daily_run_covers_one_whole_utc_day(daily):
    assert type(daily.timetable) is DayTimetable
    assert daily.timetable.summary == "0 0 * * *"
    assert daily.catchup is False


def test_the_local_programs_use_the_same_first_day(daily):
    assert daily.start_date.date() == FIRST_DAY


def test_the_window_dag_has_no_schedule_and_is_not_paused(dagbag):
    window = dagbag.dags["crypto_prices_window"]
    assert window.schedule is None
    assert window.is_paused_upon_creation is False


def test_by_default_a_run_neither_reloads_nor_deletes(dag):
    assert {name: dag.params[name] for name in ("reload", "force")} == {"reload": False, "force": False}


def test_by_default_a_run_accepts_no_bad_source(dag):
    assert (dag.params["accepted_sources"], dag.params["accepted_because"]) == ([], None)


def test_the_dag_is_documented(dag):
    assert dag.doc_md
    assert dag.description
    assert dag.tags
    assert dag.dagrun_timeout


@tasks()
def test_every_task_has_docs_an_owner_and_a_timeout(dag, task_id):
    task = dag.get_task(task_id)
    partial = getattr(task, "partial_kwargs", {})
    assert task.owner == "data-platform"
    assert task.doc_md or partial.get("doc_md")
    assert isinstance(task.execution_timeout, timedelta)
    assert task.execution_timeout <= timedelta(hours=1)


@tasks()
def test_every_task_is_retried_with_growing_pauses(dag, task_id):
    task = dag.get_task(task_id)
    assert task.retries >= 2
    assert task.retry_delay > timedelta(0)
    assert task.retry_exponential_backoff
    assert task.max_retry_delay <= timedelta(minutes=15)


@pytest.mark.parametrize(
    ("task_ids", "operator"),
    [
        (["curate_prices"], CuratePricesOperator),
        (["wait_for_partition"], WaitForPartitionSensor),
        (
            ["copy_to_staging", "check_staging", "merge_into_fact", "record_load", "drop_staging"],
            RunStatementsOperator,
        ),
    ],
)
def test_the_providers_own_operators_are_used_and_deferrable(dag, task_ids, operator):
    for task_id in task_ids:
        task = dag.get_task(task_id)
        assert type(task) is operator
        assert isinstance(task, (GlueJobOperator, GlueCatalogPartitionSensor, RunStatementsOperator))
        # On the synchronous path, a cleared Redshift task returns its old statement and runs nothing.
        assert task.deferrable is True


def test_a_killed_task_cancels_its_statement_or_run(dag):
    assert dag.get_task("curate_prices").stop_job_run_on_kill is True
    assert dag.get_task("merge_into_fact").cancel_on_kill is True


def test_staging_has_one_setup_and_a_teardown_that_can_fail_the_run(dag):
    setups = [task.task_id for task in dag.tasks if task.is_setup]
    assert setups == ["copy_to_staging"]
    teardown = dag.get_task("drop_staging")
    assert teardown.is_teardown
    assert teardown.on_failure_fail_dagrun is True


def test_fetching_is_mapped_over_the_sources(dag):
    assert dag.get_task("fetch_prices").is_mapped


def test_the_fact_table_is_the_assets_name_and_the_checked_load_updates_it_even_without_a_source(dag):
    assert [task.task_id for task in dag.tasks if task.outlets] == ["reconcile"]
    assert dag.get_task("reconcile").outlets == [Asset("crypto.fact_crypto_prices")]


def test_parsing_reads_no_settings(monkeypatch):
    def refuse(*_args, **_kwargs):
        raise AssertionError("read at parse time")

    monkeypatch.setattr("airflow.sdk.Variable.get", refuse)
    monkeypatch.setattr("airflow.sdk.Connection.get", refuse)
    monkeypatch.setattr("boto3.session.Session.client", refuse)
    assert DagBag(dag_folder=DAGS).import_errors == {}


def test_every_sql_file_of_a_task_is_found(dag):
    """If a template file is not found, parsing only logs it, and the task would run the file's name as SQL."""
    statements = [statement for task in dag.tasks for statement in _listed(getattr(task, "sql", []))]
    assert statements
    for statement in statements:
        assert not statement.endswith(".sql")
        assert statement.startswith("-- ")


def _listed(sql):
    return [sql] if isinstance(sql, str) else sql


def test_tasks_link_to_their_data(dag):
    links = {task.task_id: [link.name for link in task.operator_extra_links] for task in dag.tasks}
    of_redshift = ("copy_to_staging", "check_staging", "merge_into_fact", "record_load", "drop_staging")
    assert {task_id: names for task_id, names in links.items() if names} == {
        "fetch_prices": ["S3 prefix"],
        "curate_prices": ["AWS Glue Job Run Details"],
        "read_curation_report": ["S3 prefix"],
    } | {task_id: ["Redshift workgroup"] for task_id in of_redshift}
