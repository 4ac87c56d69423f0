"""Loads any number of past days: plans windows, shows what they cost, and starts crypto_prices_window for each."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import DAG, Param
from crypto_prices.backfill.load_windows import RUN_WINDOWS
from crypto_prices.backfill.plan_backfill import PlanBackfillOperator
from crypto_prices.load.ensure_schema import EnsureSchemaOperator
from crypto_prices.load_window import load_window_dag_arguments

SQL_FOLDER = Path(__file__).parent / "sql"

DOCS = """
### Backfill of crypto prices

Loads the days [`start`, `end`) in windows of up to `chunk_days`: one Glue run per window, not per day. Days that are
loaded already, with every market, are skipped unless `reload` is set. `dry_run` shows the plan and its price in the log
of `plan_backfill` (API requests, Glue runs, DPU-minutes, bytes, days skipped and why) and starts nothing.

Each window is a run of `crypto_prices_window`. A window that failed is put right there, by clearing what failed; or
clear the red `load_windows` here, which runs its whole window again. To stop a backfill, stop those runs: ending this
one leaves them queued (docs/how-to/operate.md).
"""

with DAG(
    dag_id="crypto_prices_backfill",
    description="Past days of closed candles, in windows of up to a month",
    doc_md=DOCS,
    schedule=None,
    catchup=False,
    # Airflow's default. A run does next to nothing while it waits, a second person's dry run must not wait for days,
    # and how many windows run at once is bounded by crypto_prices_window itself.
    max_active_runs=16,
    is_paused_upon_creation=False,
    tags=["crypto_prices", "backfill"],
    dagrun_timeout=timedelta(days=3),
    params={
        "start": Param(type="string", format="date", description="First day"),
        "end": Param(type="string", format="date", description="Day after the last"),
        "sources": Param(
            [],
            # Without null the form shows it as required.
            type=["null", "array"],
            items={"type": "string"},
            description="Sources to take, of those in the settings; none means all",
        ),
        "symbols": Param(
            [],
            # Without null the form shows it as required.
            type=["null", "array"],
            items={"type": "string"},
            description="Exchange symbols to take, of those in the settings; none means all",
        ),
        "chunk_days": Param(31, type="integer", minimum=1, maximum=366, description="Longest window in days"),
        "reload": Param(False, type="boolean", description="Load even what the warehouse already holds"),
        "dry_run": Param(False, type="boolean", description="Only show the plan and its price"),
    },
    **load_window_dag_arguments(SQL_FOLDER),
):
    ensure_schema = EnsureSchemaOperator(
        task_id="ensure_schema",
        migrations_folder=str(SQL_FOLDER / "migrations"),
        doc_md="Applies the migrations in `sql/migrations/` that the warehouse has not seen.",
    )

    plan_backfill = PlanBackfillOperator(
        task_id="plan_backfill",
        start="{{ params.start }}",
        end="{{ params.end }}",
        sources="{{ (params.sources or []) | tojson }}",
        symbols="{{ (params.symbols or []) | tojson }}",
        chunk_days="{{ params.chunk_days }}",
        reload="{{ params.reload | tojson }}",
        plan_only="{{ params.dry_run | tojson }}",
        sql="backfill/find_loads.sql",
        doc_md="Plans the windows. The log shows the plan and its price.",
    )

    load_windows = TriggerDagRunOperator.partial(
        task_id="load_windows",
        doc_md="One run of `crypto_prices_window` per window.",
        **RUN_WINDOWS,
    ).expand_kwargs(plan_backfill.output)

    ensure_schema >> plan_backfill >> load_windows
