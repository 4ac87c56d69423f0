"""The load of one window, as every DAG runs it: the tasks in the order of the data, and how long each may take."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from airflow.providers.amazon.aws.operators.redshift_data import RedshiftDataOperator
from airflow.providers.amazon.aws.sensors.glue_catalog_partition import GlueCatalogPartitionSensor
from airflow.providers.common.compat.sdk import AirflowFailException
from airflow.sdk import Asset, TriggerRule, chain

from crypto_prices import macros
from crypto_prices.aws.console_links import RedshiftWorkgroupLink
from crypto_prices.curate.curate_prices import CuratePricesOperator
from crypto_prices.curate.read_curation_report import ReadCurationReportOperator
from crypto_prices.fetch.fetch_prices import FetchPricesOperator
from crypto_prices.load.ensure_schema import EnsureSchemaOperator
from crypto_prices.plan.plan_load import PlanLoadOperator
from crypto_prices.plan.resolve_window import ResolveWindowOperator
from crypto_prices.publish.publish_partitions import PublishPartitionsOperator
from crypto_prices.reconcile.reconcile import ReconcileOperator
from crypto_prices.retry_policy import StepRetryPolicy

FACT_CRYPTO_PRICES = Asset("crypto.fact_crypto_prices")

# How long a step may take, and how often it is looked at. A step is a matter of minutes; what takes longer hangs.
STATEMENT: dict[str, Any] = {
    "workgroup_name": "{{ settings().redshift_workgroup }}",
    "database": "{{ settings().redshift_database }}",
    # Not a template field of the provider's operator, so it is set just before the task runs.
    "pre_execute": macros.use_redshift_secret,
    # Not synchronous and durable, which is the default: cleared, that hands back the old statement and runs nothing.
    "deferrable": True,
    "poll_interval": 1,
    "execution_timeout": timedelta(minutes=20),
}
READERS_OF_STAGING = ("check_staging", "merge_into_fact")
FAILED_STATES = ("failed", "upstream_failed")

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
    "retry_policy": StepRetryPolicy(),
}


def load_window_dag_arguments(sql_folder: Path) -> dict[str, Any]:
    """Return the arguments that a DAG with ``load_window`` needs: where its SQL lies and what its templates can name.

    Args:
        sql_folder: Where sql/ is deployed, ``dags/sql``.
    """
    return {
        "template_searchpath": [str(sql_folder)],
        "user_defined_macros": macros.MACROS,
        "user_defined_filters": macros.FILTERS,
        "default_args": DEFAULT_ARGS,
    }


def keep_staging_of_a_failed_load(context: Any) -> None:
    """Fail the teardown when a task that reads the staging table has failed, and so keep the table.

    "Clear only failed tasks" leaves the setup alone, because it has succeeded: what failed would find no staging. The
    teardown, being red, is cleared with it and drops the table in the end.

    Raises:
        AirflowFailException: The staging table is kept; the message names the failed tasks.
    """
    macros.use_redshift_secret(context)
    ti = context["ti"]
    states = ti.get_task_states(dag_id=ti.dag_id, task_ids=list(READERS_OF_STAGING), run_ids=[ti.run_id])
    failed = sorted(task for task, state in states.get(ti.run_id, {}).items() if state in FAILED_STATES)
    if failed:
        raise AirflowFailException(
            f"staging is kept, because {', '.join(failed)} did not succeed: clear what failed, this task included"
        )


def load_window(*, sql_folder: Path, **window: str) -> None:
    """Add the tasks that load one window to the DAG that is being defined.

    They are in no task group, which the UI would show closed: a DAG of one line. So task ids have no prefix: they are
    the same in every DAG, and so are the recipes for clearing them.

    Args:
        sql_folder: Where sql/ is deployed, ``dags/sql``.
        window: What to load, as arguments of ``ResolveWindowOperator`` (templated).
    """
    resolve_window = ResolveWindowOperator(
        task_id="resolve_window",
        doc_md="Which days, sources and symbols, one item per source. Fails when a setting is wrong.",
        **window,
    )

    ensure_schema = EnsureSchemaOperator(
        task_id="ensure_schema",
        migrations_folder=str(sql_folder / "migrations"),
        # Two runs that migrate at once would only wait for each other.
        max_active_tis_per_dag=1,
        doc_md="Applies the migrations in `sql/migrations/` that the warehouse has not seen.",
    )

    fetch_prices = FetchPricesOperator.partial(
        task_id="fetch_prices",
        execution_timeout=timedelta(minutes=60),
        # An exchange's outage lasts longer than a hiccup of AWS.
        retries=6,
        map_index_template="{{ task.source }}",
        doc_md="Lands every response of one source untouched in `raw/`, and commits them with one manifest.",
    ).expand_kwargs(resolve_window.output)

    plan_load = PlanLoadOperator(
        task_id="plan_load",
        sql="load/find_current_loads.sql",
        empty_sql=[
            "load/lock_loads.sql",
            "load/delete_empty_window_gaps.sql",
            "load/insert_empty_window_gaps.sql",
        ],
        force="{{ params.force or params.get('reload', False) }}",
        # A source that fails does not hide the data of the others.
        trigger_rule=TriggerRule.ALL_DONE_MIN_ONE_SUCCESS,
        doc_md="Names the batch. Skips the rest of the run when the warehouse already holds exactly this content.",
    )

    curate_prices = CuratePricesOperator(
        task_id="curate_prices",
        job_name="{{ settings().glue_job_name }}",
        script_args={
            "--raw_manifests": "{{ batch(ti).sources | map(attribute='raw_manifest') | join(',') }}",
            "--window_start": "{{ batch(ti).window_start }}",
            "--window_end": "{{ batch(ti).window_end }}",
            "--batch_id": "{{ batch(ti).attempt_id(ti.try_number) }}",
            "--catalog_database": "{{ settings().catalog_database }}",
            "--catalog_table": "{{ settings().catalog_table }}",
            "--lake_bucket": "{{ settings().s3_bucket }}",
            "--max_rejected_share": "{{ settings().max_rejected_share }}",
            "--row_rules": "{{ settings().rules.row_rules | tojson }}",
        },
        # Below the task's own bound: a run that nobody waits for any more must not go on.
        run_job_kwargs={"Timeout": GLUE_RUN_MINUTES},
        waiter_delay=GLUE_POLL_SECONDS,
        waiter_max_attempts=int(GLUE_TIMEOUT.total_seconds() / GLUE_POLL_SECONDS),
        execution_timeout=GLUE_TIMEOUT,
        doc_md="The Glue job reads the raw manifests, and writes Parquet to a version of its own in `curated/` and "
        "rejects to `quarantine/`.",
    )

    read_curation_report = ReadCurationReportOperator(
        task_id="read_curation_report",
        job_run_id=curate_prices.output,
        doc_md="What this very Glue run counted. Fails when a record is not accounted for.",
    )

    copy_to_staging = RedshiftDataOperator(
        task_id="copy_to_staging",
        # One batch, so one transaction: clearing the merge brings this setup back, and a second setup would not be.
        sql=["load/drop_staging.sql", "load/create_staging.sql", "load/copy_to_staging.sql"],
        doc_md="Creates the run's own staging table and COPYs the curated files into it.",
        **STATEMENT,
    ).as_setup()

    check_staging = RedshiftDataOperator(
        task_id="check_staging",
        sql="load/check_staging.sql",
        doc_md="The staging table holds the rows that the curation report says, inside the window, each key once.",
        **STATEMENT,
    )

    merge_into_fact = RedshiftDataOperator(
        task_id="merge_into_fact",
        sql=[
            # Merges of all DAGs take turns in the warehouse; concurrent writers of one table would abort with 1023.
            "load/lock_loads.sql",
            "load/check_staging.sql",
            "load/delete_etl_metadata.sql",
            "load/insert_etl_metadata.sql",
            "load/check_origin.sql",
            "load/count_removed.sql",
            "load/check_removed.sql",
            "load/hand_over.sql",
            "load/delete_superseded.sql",
            "load/merge_into_fact.sql",
            "load/delete_replaced_attempts.sql",
            "load/count_load.sql",
            "load/delete_candle_gaps.sql",
            "load/insert_candle_gaps.sql",
            "load/explain_candle_gaps.sql",
            "load/delete_data_quality_results.sql",
            "load/delete_forgotten_quality_results.sql",
            "load/insert_row_rule_results.sql",
            "load/insert_completeness_results.sql",
            "load/insert_price_jump_results.sql",
            "load/check_quality.sql",
        ],
        doc_md="Replaces the window's rows in the fact table, and writes what the warehouse counts, which candles "
        "are missing and what the quality rules found, in one transaction.",
        **STATEMENT,
    )

    publish_partitions = PublishPartitionsOperator(
        task_id="publish_partitions",
        sql="load/find_load_order.sql",
        doc_md="Points the days' partitions in the Glue catalog at what the warehouse has loaded. What it refuses "
        "is never published.",
    )

    record_load = RedshiftDataOperator(
        task_id="record_load",
        sql=["load/lock_loads.sql", "load/record_load.sql"],
        doc_md="Writes down that the run knows of its load and has published it: until then a backfill plans it again.",
        **STATEMENT,
    )

    wait_for_partition = GlueCatalogPartitionSensor(
        task_id="wait_for_partition",
        database_name="{{ settings().catalog_database }}",
        table_name="{{ settings().catalog_table }}",
        expression="{{ batch(ti).window.partition_expression() }}",
        deferrable=True,
        poke_interval=5,
        timeout=timedelta(minutes=10).total_seconds(),
        execution_timeout=timedelta(minutes=10),
        doc_md="The window can be read through the Glue catalog.",
    )

    drop_staging = RedshiftDataOperator(
        task_id="drop_staging",
        sql="load/drop_staging.sql",
        doc_md="Drops the run's staging table. Fails and keeps it when a task that reads it has failed: then that "
        "task can be cleared by itself.",
        **STATEMENT | {"pre_execute": keep_staging_of_a_failed_load},
    ).as_teardown(setups=copy_to_staging, on_failure_fail_dagrun=True)

    reconcile = ReconcileOperator(
        task_id="reconcile",
        sql="load/find_loads_of_window.sql",
        outlets=[FACT_CRYPTO_PRICES],
        doc_md="Curated = staged = merged = rows in the window, the catalog shows what the warehouse holds, and "
        "every source was fetched; or the run is red. The log shows the accounting.",
    )

    for of_redshift in (copy_to_staging, check_staging, merge_into_fact, record_load, drop_staging):
        of_redshift.operator_extra_links = (RedshiftWorkgroupLink(),)

    chain(
        resolve_window,
        ensure_schema,
        fetch_prices,
        plan_load,
        curate_prices,
        read_curation_report,
        copy_to_staging,
        check_staging,
        merge_into_fact,
        publish_partitions,
        record_load,
        wait_for_partition,
        reconcile,
    )
    # Beside the publishing: what lies between a setup and its teardown brings both along when it is cleared.
    merge_into_fact >> drop_staging >> reconcile
