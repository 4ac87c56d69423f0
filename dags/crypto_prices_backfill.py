"""Loads any number of past days: plans windows, shows their price, and starts crypto_prices_window for each."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import DAG, Param
from crypto_prices.backfill.check_backfill import CheckBackfillOperator
from crypto_prices.backfill.plan_backfill import PlanBackfillOperator
from crypto_prices.backfill.replay_loads import ReplayLoadsOperator
from crypto_prices.backfill.window_run import RUN_WINDOWS
from crypto_prices.form_choices import read_choices
from crypto_prices.load_window import ensure_schema_task, load_window_dag_arguments

SQL_FOLDER = Path(__file__).parent / "sql"
CHOICES = read_choices(Path(__file__).parent)

DOCS = """
### Backfill of crypto prices

Loads the days [`start`, `end`) in windows of up to `chunk_days`, with one Glue run per window instead of one per day.
Days whose markets are all loaded are skipped unless `reload` is set. `dry_run` shows the plan and its price in the log
of `plan_backfill` (API requests, Glue runs, DPU-minutes, dollars, bytes, skipped days with reasons) and starts nothing.

If an exchange does not respond to the plan, the other sources are loaded, and `check_backfill` fails.

With `from_raw`, the run rebuilds a lost warehouse from the load records and the raw responses in the lake, without a
request to an exchange (docs/how-to/operate.md, *Recover from a disaster*).

Each window is a run of `crypto_prices_window`. To repair a failed window, clear its failed tasks there. Or clear the
failed `load_windows` here, which runs the whole window again. To stop a backfill, stop the runs of its windows.
Stopping the backfill's own run leaves them queued (docs/how-to/operate.md).
"""

with DAG(
    dag_id="crypto_prices_backfill",
    dag_display_name="2. crypto_prices_backfill: past days",
    description="Past days of closed candles, in windows of up to a month",
    doc_md=DOCS,
    schedule=None,
    catchup=False,
    # Airflow's default. A waiting run needs almost no resources, and another user's dry run must not wait for days.
    # crypto_prices_window itself limits the number of concurrent windows.
    max_active_runs=16,
    is_paused_upon_creation=False,
    tags=["crypto_prices", "backfill"],
    dagrun_timeout=timedelta(days=3),
    params={
        # First, because it is the first thing to choose.
        "dry_run": Param(False, type="boolean", description="Only show the plan and its price in the log"),
        "start": Param(
            None, type=["null", "string"], format="date", description="First day. Required without from_raw"
        ),
        "end": Param(
            None, type=["null", "string"], format="date", description="Day after the last. Required without from_raw"
        ),
        "sources": CHOICES.sources_param("Sources to load, out of those in the settings; empty for all"),
        "symbols": CHOICES.symbols_param("Exchange symbols to load, out of those in the settings; empty for all"),
        "chunk_days": Param(31, type="integer", minimum=1, maximum=366, description="Longest window in days"),
        "reload": Param(False, type="boolean", description="Load even what the warehouse already holds"),
        "from_raw": Param(
            False,
            type="boolean",
            description="Disaster recovery: rebuild the empty warehouse from the lake, without asking an exchange. "
            "Only dry_run can be combined with it",
        ),
    },
    **load_window_dag_arguments(SQL_FOLDER),
):
    ensure_schema = ensure_schema_task(SQL_FOLDER)

    plan_backfill = PlanBackfillOperator(
        task_id="plan_backfill",
        start="{{ params.start or '' }}",
        end="{{ params.end or '' }}",
        sources="{{ (params.sources or []) | tojson }}",
        symbols="{{ (params.symbols or []) | tojson }}",
        chunk_days="{{ params.chunk_days }}",
        reload="{{ params.reload | tojson }}",
        plan_only="{{ params.dry_run | tojson }}",
        from_raw="{{ params.from_raw | tojson }}",
        doc_md="Plans the windows. The log shows the plan and its price.",
    )

    load_windows = TriggerDagRunOperator.partial(
        task_id="load_windows",
        doc_md="Starts one run of `crypto_prices_window` per window.",
        **RUN_WINDOWS,
    ).expand_kwargs(plan_backfill.output)

    check_backfill = CheckBackfillOperator(
        task_id="check_backfill",
        doc_md="Fails if the plan lacks a source whose exchange did not respond. The other sources are loaded.",
    )

    replay_loads = ReplayLoadsOperator(
        task_id="replay_loads",
        doc_md="With `from_raw`: replays the loads of the lake's load records, one run of `crypto_prices_window` after "
        "the other. Clear it to go on after a failure.",
    )

    # Beside load_windows, so that clearing a failed window alone makes the run green.
    ensure_schema >> plan_backfill >> [load_windows, check_backfill, replay_loads]
