"""The load of one window, shared by all DAGs: the tasks in the order of the data, and their time limits."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from airflow.sdk import Asset, Label, TaskGroup, TriggerRule, chain
from airflow.sdk.definitions.mappedoperator import MappedOperator
from crypto_prices_contract.job_arguments import JobArguments

from crypto_prices import task_statements, templates
from crypto_prices.aws.console_links import RedshiftWorkgroupLink
from crypto_prices.aws.redshift_secret import use_redshift_secret
from crypto_prices.aws.run_statements import RunStatementsOperator
from crypto_prices.curate.curate_prices import CuratePricesOperator
from crypto_prices.curate.read_curation_report import ReadCurationReportOperator
from crypto_prices.failed_try import log_failure, log_retry
from crypto_prices.fetch.fetch_prices import FETCH_TIMEOUT, FetchPricesOperator
from crypto_prices.load.drop_staging import keep_staging_of_a_failed_load
from crypto_prices.load.ensure_schema import EnsureSchemaOperator
from crypto_prices.plan.plan_load import PlanLoadOperator
from crypto_prices.plan.resolve_window import ResolveWindowOperator
from crypto_prices.publish.publish_partitions import PublishPartitionsOperator
from crypto_prices.publish.wait_for_partition import WaitForPartitionSensor
from crypto_prices.reconcile.reconcile import ReconcileOperator
from crypto_prices.reconcile.require_sources import RequireSourcesOperator
from crypto_prices.records.write_load_records import WriteLoadRecordsOperator
from crypto_prices.task_retry_policy import TaskRetryPolicy

FACT_CRYPTO_PRICES = Asset("crypto.fact_crypto_prices")

# Time limits and polling intervals. A step takes minutes. If it takes longer, it hangs.
STATEMENT: dict[str, Any] = {
    "workgroup_name": "{{ settings().redshift_workgroup }}",
    "database": "{{ settings().redshift_database }}",
    # Not a template field of the provider's operator, so it is set just before the task runs.
    "pre_execute": use_redshift_secret,
    "poll_interval": 1,
    "execution_timeout": timedelta(minutes=20),
}

GLUE_RUN_MINUTES = 55
GLUE_TIMEOUT = timedelta(minutes=60)
GLUE_POLL_SECONDS = 2

DEFAULT_ARGS: dict[str, Any] = {
    "owner": "data-platform",
    "retries": 3,
    "retry_delay": timedelta(seconds=30),
    "retry_exponential_backoff": True,
    "max_retry_delay": timedelta(minutes=10),
    "execution_timeout": timedelta(minutes=20),
    "retry_policy": TaskRetryPolicy(),
    "on_failure_callback": log_failure,
    "on_retry_callback": log_retry,
}


def load_window_dag_arguments(sql_folder: Path) -> dict[str, Any]:
    """Return the arguments that a DAG with ``load_window`` needs: the SQL folder, macros, filters and task defaults.

    Args:
        sql_folder: The deployed sql/ folder, ``dags/sql``.
    """
    return {
        "template_searchpath": [str(sql_folder)],
        "user_defined_macros": templates.MACROS,
        "user_defined_filters": templates.FILTERS,
        "default_args": DEFAULT_ARGS,
    }


def ensure_schema_task(sql_folder: Path) -> EnsureSchemaOperator:
    """Add the task that prepares the warehouse to the current DAG.

    Args:
        sql_folder: The deployed sql/ folder, ``dags/sql``.
    """
    return EnsureSchemaOperator(
        task_id="ensure_schema",
        migrations_folder=str(sql_folder / "migrations"),
        # Two runs that migrate at the same time would only wait for each other.
        max_active_tis_per_dag=1,
        doc_md="Applies the migrations in `sql/migrations/`, and the comments on tables and columns, that are missing "
        "in the warehouse.",
    )


def statements_task(**arguments: Any) -> RunStatementsOperator:
    """Return a task that runs statements as one transaction, with a link to the workgroup's console page.

    Args:
        arguments: Arguments of the operator, in addition to those of every such task or instead of them.
    """
    task = RunStatementsOperator(**STATEMENT | arguments)
    task.operator_extra_links = (RedshiftWorkgroupLink(),)
    return task


def load_window(*, sql_folder: Path, load_record: str = "", **window: str) -> None:
    """Add the tasks that load one window to the current DAG.

    The groups keep the graph on one screen. Task ids have no prefix of their group. They are the same in every DAG, and
    so are the recipes for clearing tasks.

    Args:
        sql_folder: The deployed sql/ folder, ``dags/sql``.
        load_record: S3 URI of the record of a committed load to replay (templated); empty for a new load.
        window: The window, as arguments of ``ResolveWindowOperator`` (templated).
    """
    with _group("fetch", "Asks the exchanges, stores their responses, and decides whether there is anything to load."):
        resolve_window = _resolve_window({**window, "load_record": load_record})
        ensure_schema = ensure_schema_task(sql_folder)
        fetch_prices = _fetch_prices(resolve_window)
        plan_load = _plan_load(load_record)
    with _group("curate", "Turns the responses into Parquet with the Glue job."):
        curate_prices = _curate_prices()
        read_curation_report = _read_curation_report(curate_prices)
    with _group("warehouse", "Copies the files into a staging table and replaces the window in one transaction."):
        copy_to_staging = _copy_to_staging().as_setup()
        check_staging = _check_staging()
        merge_into_fact = _merge_into_fact()
        drop_staging = _drop_staging().as_teardown(setups=copy_to_staging, on_failure_fail_dagrun=True)
    with _group("catalog", "Points the Glue catalog at the loaded version, and writes the load's record to the lake."):
        publish_partitions = _publish_partitions()
        record_load = _record_load()
        write_load_records = _write_load_records()
        wait_for_partition = _wait_for_partition()
    with _group("check", "Compares the counts of all steps, and fails if a source is missing."):
        reconcile = _reconcile()
        require_sources = _require_sources()

    chain(resolve_window, ensure_schema, fetch_prices, plan_load)
    plan_load.set_downstream(curate_prices, edge_modifier=Label("new content"))
    curate_prices >> read_curation_report
    read_curation_report.set_downstream(copy_to_staging, edge_modifier=Label("counts"))
    chain(copy_to_staging, check_staging, merge_into_fact)
    merge_into_fact.set_downstream(publish_partitions, edge_modifier=Label("loaded"))
    chain(publish_partitions, record_load, wait_for_partition)
    # Beside the rest: the load is right without its record, but the run is not green.
    record_load >> write_load_records
    wait_for_partition.set_downstream(reconcile, edge_modifier=Label("readable"))
    reconcile >> require_sources
    # In parallel to publish_partitions, because clearing a task between a setup and its teardown also clears those two.
    merge_into_fact >> drop_staging >> reconcile


def _group(name: str, does: str) -> TaskGroup:
    # Not the name of a folder of SQL files: preflight would take it for one whose files are all used.
    return TaskGroup(name, prefix_group_id=False, tooltip=does)


def _resolve_window(window: dict[str, str]) -> ResolveWindowOperator:
    return ResolveWindowOperator(
        task_id="resolve_window",
        doc_md="Resolves the days, sources and markets to load, one item per source. Asks the exchanges for base and "
        "quote of the symbols. Fails if a setting is wrong or an exchange does not list a symbol.",
        **window,
    )


def _fetch_prices(resolve_window: ResolveWindowOperator) -> MappedOperator:
    return FetchPricesOperator.partial(
        task_id="fetch_prices",
        execution_timeout=FETCH_TIMEOUT,
        # An exchange's outage lasts longer than a transient AWS error.
        retries=6,
        map_index_template="{{ task.source }}, {{ task.window_start }} to {{ task.window_end }}",
        doc_md="Stores the responses of one source unchanged in `raw/`, and commits them with one manifest.",
    ).expand_kwargs(resolve_window.output)


def _plan_load(load_record: str) -> PlanLoadOperator:
    return PlanLoadOperator(
        task_id="plan_load",
        sql="plan/find_current_loads.sql",
        empty_sql=list(task_statements.EMPTY_WINDOW),
        reload="{{ params.reload or params.force }}",
        load_record=load_record,
        # If one source fails, the others are loaded anyway.
        trigger_rule=TriggerRule.ALL_DONE_MIN_ONE_SUCCESS,
        doc_md="Names the batch. Skips the rest of the run if the warehouse already has exactly this content.",
    )


def _curate_prices() -> CuratePricesOperator:
    return CuratePricesOperator(
        task_id="curate_prices",
        job_name="{{ settings().glue_job_name }}",
        script_args=JobArguments(
            raw_manifests="{{ batch(ti).sources | map(attribute='raw_manifest') | join(',') }}",
            window_start="{{ batch(ti).window_start }}",
            window_end="{{ batch(ti).window_end }}",
            batch_id="{{ batch(ti).attempt_id(ti.try_number) }}",
            catalog_database="{{ settings().catalog_database }}",
            catalog_table="{{ settings().catalog_table }}",
            lake_bucket="{{ settings().s3_bucket }}",
            max_rejected_share="{{ terms().max_rejected_share }}",
            row_rules="{{ terms().rules.row_rules | row_rules }}",
            accepted_sources="{{ terms().accepted_sources | sources }}",
        ).as_job_arguments(),
        # Below the task's own time limit, so that the Glue run ends before the task stops waiting for it.
        run_job_kwargs={"Timeout": GLUE_RUN_MINUTES},
        waiter_delay=GLUE_POLL_SECONDS,
        waiter_max_attempts=int(GLUE_TIMEOUT.total_seconds() / GLUE_POLL_SECONDS),
        execution_timeout=GLUE_TIMEOUT,
        doc_md="The Glue job reads the raw manifests. It writes Parquet to a new version in `curated/` and rejected "
        "records to `quarantine/`.",
    )


def _read_curation_report(curate_prices: CuratePricesOperator) -> ReadCurationReportOperator:
    return ReadCurationReportOperator(
        task_id="read_curation_report",
        job_run_id=curate_prices.output,
        doc_md="Returns the counts of the Glue run. Fails if a record is not accounted for.",
    )


def _copy_to_staging() -> RunStatementsOperator:
    return statements_task(
        task_id="copy_to_staging",
        sql=list(task_statements.COPY_TO_STAGING),
        doc_md="Creates the run's own staging table and copies the curated files into it.",
    )


def _check_staging() -> RunStatementsOperator:
    return statements_task(
        task_id="check_staging",
        sql=task_statements.CHECK_STAGING,
        doc_md="Checks that the staging table has as many rows as the curation report, all in the window, and each key "
        "only once.",
    )


def _merge_into_fact() -> RunStatementsOperator:
    return statements_task(
        task_id="merge_into_fact",
        sql=list(task_statements.MERGE_INTO_FACT),
        doc_md="Replaces the window's rows in the fact table. Writes the warehouse's counts, the missing candles and "
        "the results of the quality rules. All in one transaction.",
    )


def _publish_partitions() -> PublishPartitionsOperator:
    return PublishPartitionsOperator(
        task_id="publish_partitions",
        sql="publish/find_load_order.sql",
        markets_sql="publish/find_market_sets.sql",
        doc_md="Points the days' partitions in the Glue catalog at the newest loads in the warehouse. A load that the "
        "warehouse rejects is never published.",
    )


def _record_load() -> RunStatementsOperator:
    return statements_task(
        task_id="record_load",
        sql=list(task_statements.RECORD_LOAD),
        doc_md="Marks the load as published. Without this mark, a backfill plans it again.",
    )


def _write_load_records() -> WriteLoadRecordsOperator:
    return WriteLoadRecordsOperator(
        task_id="write_load_records",
        doc_md="Writes the records of committed loads and removals to `loads/`. A lost warehouse is rebuilt from them. "
        "Also writes those that an earlier run could not write.",
    )


def _wait_for_partition() -> WaitForPartitionSensor:
    return WaitForPartitionSensor(
        task_id="wait_for_partition",
        database_name="{{ settings().catalog_database }}",
        table_name="{{ settings().catalog_table }}",
        expression="{{ partition_expression(batch(ti).window) }}",
        deferrable=True,
        poke_interval=5,
        timeout=timedelta(minutes=10).total_seconds(),
        execution_timeout=timedelta(minutes=10),
        doc_md="Waits until the window can be read through the Glue catalog.",
    )


def _drop_staging() -> RunStatementsOperator:
    return statements_task(
        task_id="drop_staging",
        sql=task_statements.DROP_STAGING,
        pre_execute=keep_staging_of_a_failed_load,
        doc_md="Drops the run's staging table. If a task that reads the table failed, it keeps the table and fails, so "
        "that the failed tasks can be cleared without the COPY.",
    )


def _reconcile() -> ReconcileOperator:
    return ReconcileOperator(
        task_id="reconcile",
        sql="reconcile/find_loads_of_window.sql",
        outlets=[FACT_CRYPTO_PRICES],
        doc_md="Checks that curated = staged = merged = rows in the window, and that the catalog shows the warehouse's "
        "loads. The log shows the accounting. The asset event has the window and the sources.",
    )


def _require_sources() -> RequireSourcesOperator:
    return RequireSourcesOperator(
        task_id="require_sources",
        doc_md="Fails if a source was not fetched, or the Glue job refused it. The other sources are loaded, and the "
        "asset event names them.",
    )
