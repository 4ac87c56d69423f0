"""Loads one day of candles every day: exchange APIs to S3, Glue, the Glue catalog and Redshift."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from airflow.providers.amazon.aws.operators.glue import GlueJobOperator
from airflow.providers.amazon.aws.operators.redshift_data import RedshiftDataOperator
from airflow.providers.amazon.aws.sensors.glue_catalog_partition import GlueCatalogPartitionSensor
from airflow.sdk import DAG, Asset, CronDataIntervalTimetable, Param, chain
from crypto_prices import macros
from crypto_prices.operators.ensure_schema import EnsureSchemaOperator
from crypto_prices.operators.fetch_prices import FetchPricesOperator
from crypto_prices.operators.plan_load import PlanLoadOperator
from crypto_prices.operators.read_curation_report import ReadCurationReportOperator
from crypto_prices.operators.reconcile import ReconcileOperator
from crypto_prices.operators.resolve_window import ResolveWindowOperator

# sql/ is deployed below the DAGs' folder; in the repository dags/sql is a link to it.
SQL_FOLDER = Path(__file__).parent / "sql"

FACT_CRYPTO_PRICES = Asset("crypto.fact_crypto_prices")

DOCS = """
### Daily crypto prices

Takes the closed candles of one UTC day from every exchange in the Variable `crypto_prices_settings` and loads them into
`crypto.fact_crypto_prices`. A run's day is its logical date, or its param `day`.

Every task can be cleared and run again. A run that finds its content in the warehouse already skips the load and says
so in `plan_load`; clear the run, or start it with `force`, to load it all the same.
"""

# How long a step may take, and how often it is looked at. A step is a matter of minutes; what takes longer hangs.
STATEMENT: dict[str, Any] = {
    "workgroup_name": "{{ settings().redshift_workgroup }}",
    "database": "{{ settings().redshift_database }}",
    # Not a template field of the provider's operator, so it is set just before the task runs.
    "pre_execute": macros.use_redshift_secret,
    "deferrable": True,
    "poll_interval": 2,
    "execution_timeout": timedelta(minutes=20),
}
GLUE_TIMEOUT = timedelta(minutes=60)
GLUE_POLL_SECONDS = 3

with DAG(
    dag_id="crypto_prices_daily",
    description="Closed candles of one day from exchange APIs to S3, Glue, the Glue catalog and Redshift",
    doc_md=DOCS,
    # Not "@daily": its data interval has no width. The logical date is the day that is loaded.
    schedule=CronDataIntervalTimetable("0 0 * * *", timezone="UTC"),
    start_date=datetime(2017, 8, 17, tzinfo=UTC),
    catchup=False,
    max_active_runs=4,
    dagrun_timeout=timedelta(hours=6),
    tags=["crypto_prices", "daily"],
    template_searchpath=[str(SQL_FOLDER)],
    user_defined_macros=macros.MACROS,
    user_defined_filters=macros.FILTERS,
    params={
        "day": Param(
            None, type=["null", "string"], format="date", description="Day to load instead of the logical date's"
        ),
        "force": Param(False, type="boolean", description="Load even what the warehouse already holds"),
    },
    default_args={
        "owner": "data-platform",
        "retries": 3,
        "retry_delay": timedelta(seconds=30),
        "retry_exponential_backoff": True,
        "max_retry_delay": timedelta(minutes=10),
        "execution_timeout": timedelta(minutes=20),
    },
):
    resolve_window = ResolveWindowOperator(
        task_id="resolve_window",
        day="{{ params.day or '' }}",
        doc_md="Which day, and which sources: one item per source for `fetch_prices`. Fails when a setting is wrong.",
    )

    ensure_schema = EnsureSchemaOperator(
        task_id="ensure_schema",
        migrations_folder=str(SQL_FOLDER / "migrations"),
        # Two runs that migrate at once would only wait for each other.
        max_active_tis_per_dag=1,
        doc_md="Applies the migrations in `sql/migrations/` that the warehouse has not seen.",
    )

    fetch_prices = FetchPricesOperator.partial(
        task_id="fetch_prices",
        execution_timeout=timedelta(minutes=60),
        map_index_template="{{ task.source }}",
        doc_md="Lands every response of one source untouched in `raw/`, and commits them with one manifest.",
    ).expand_kwargs(resolve_window.output)

    plan_load = PlanLoadOperator(
        task_id="plan_load",
        fetched=fetch_prices.output,
        sql="load/find_current_loads.sql",
        force="{{ params.force }}",
        doc_md="Names the batch. Skips the rest of the run when the warehouse already holds exactly this content.",
    )

    curate_prices = GlueJobOperator(
        task_id="curate_prices",
        job_name="{{ settings().glue_job_name }}",
        script_args={
            "--raw_manifests": "{{ batch(ti).sources | map(attribute='raw_manifest') | join(',') }}",
            "--window_start": "{{ batch(ti).window_start }}",
            "--window_end": "{{ batch(ti).window_end }}",
            "--batch_id": "{{ batch(ti).batch_id }}",
            "--catalog_database": "{{ settings().catalog_database }}",
            "--catalog_table": "{{ settings().catalog_table }}",
            "--lake_bucket": "{{ settings().s3_bucket }}",
            "--max_rejected_share": "{{ settings().max_rejected_share }}",
        },
        deferrable=True,
        waiter_delay=GLUE_POLL_SECONDS,
        waiter_max_attempts=int(GLUE_TIMEOUT.total_seconds() / GLUE_POLL_SECONDS),
        stop_job_run_on_kill=True,
        execution_timeout=GLUE_TIMEOUT,
        doc_md="The Glue job reads the raw manifests, writes Parquet to `curated/`, rejects to `quarantine/`, and "
        "publishes the day's partition in the Glue catalog.",
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
        doc_md="The day can be read through the Glue catalog.",
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
            "load/check_staging.sql",
            "load/delete_superseded.sql",
            "load/merge_into_fact.sql",
            "load/delete_etl_metadata.sql",
            "load/insert_etl_metadata.sql",
        ],
        # Concurrent writers of one table wait for each other in Redshift, or abort.
        max_active_tis_per_dag=1,
        doc_md="Replaces the window's rows in the fact table and writes the metadata row, in one transaction.",
        **STATEMENT,
    )

    record_load = RedshiftDataOperator(
        task_id="record_load",
        sql="load/record_load.sql",
        doc_md="Completes the metadata row with what the warehouse itself counts.",
        **STATEMENT,
    )

    drop_staging = RedshiftDataOperator(
        task_id="drop_staging",
        sql="load/drop_staging.sql",
        doc_md="Drops the run's staging table, whatever happened before.",
        **STATEMENT,
    ).as_teardown(setups=copy_to_staging, on_failure_fail_dagrun=True)

    reconcile = ReconcileOperator(
        task_id="reconcile",
        sql="load/read_etl_metadata.sql",
        outlets=[FACT_CRYPTO_PRICES],
        doc_md="Curated = staged = merged = rows in the window, or the run is red. The log shows the accounting.",
    )

    chain(
        resolve_window,
        ensure_schema,
        fetch_prices,
        plan_load,
        curate_prices,
        wait_for_partition,
        read_curation_report,
        copy_to_staging,
        check_staging,
        merge_into_fact,
        record_load,
        drop_staging,
        reconcile,
    )
    # The teardown succeeds after a failed merge too; the accounting is only right after a recorded load.
    record_load >> reconcile
