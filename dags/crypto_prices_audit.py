"""Looks for what is missing in the last weeks, and loads exactly that again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import DAG, CronDataIntervalTimetable, Param, TriggerRule
from crypto_prices.audit.plan_healing import PlanHealingOperator
from crypto_prices.backfill.load_windows import RUN_WINDOWS
from crypto_prices.load.ensure_schema import EnsureSchemaOperator
from crypto_prices.load_window import load_window_dag_arguments

SQL_FOLDER = Path(__file__).parent / "sql"

DOCS = """
### Audit of crypto prices

Every week, looks at each day of each market in the settings, of the last `days` (or from `start` to `end`). A day is to
be healed when nobody has asked for it, when candles that were loaded are gone from the fact table, when its load was
never published, when what was fetched is gone from the raw zone, or when candles are missing for a reason of
`ask_again`. The log of `plan_healing` shows the plan: the fewest windows, and their API requests. They are loaded one
after the other by `crypto_prices_window`, never with `force`: what would take candles away is left to a person.
`check_healing` looks again.

Which candle is missing and why is in `crypto.candle_gaps`. No candle is ever invented.
"""

ASK_AGAIN = "{{ params.ask_again | tojson }}"
CHUNK_DAYS = "{{ params.chunk_days }}"

with DAG(
    dag_id="crypto_prices_audit",
    description="What is missing is found and loaded again",
    doc_md=DOCS,
    schedule=CronDataIntervalTimetable("0 6 * * 1", timezone="UTC"),
    start_date=datetime(2017, 8, 21, tzinfo=UTC),
    catchup=False,
    # Two at once would plan, and load, the same windows.
    max_active_runs=1,
    dagrun_timeout=timedelta(days=1),
    tags=["crypto_prices", "audit"],
    params={
        "start": Param(None, type=["null", "string"], format="date", description="First day, instead of days"),
        "end": Param(None, type=["null", "string"], format="date", description="Day after the last"),
        "days": Param(35, type="integer", minimum=1, maximum=366, description="Days before its data interval ends"),
        "ask_again": Param(
            ["quarantined", "venue_down"],
            type="array",
            items={"type": "string", "enum": ["quarantined", "venue_down", "no_trade", "not_listed"]},
            description="Reasons of missing candles for which the exchange is asked again",
        ),
        "chunk_days": Param(31, type="integer", minimum=1, maximum=366, description="Longest window in days"),
    },
    **load_window_dag_arguments(SQL_FOLDER),
):
    ensure_schema = EnsureSchemaOperator(
        task_id="ensure_schema",
        migrations_folder=str(SQL_FOLDER / "migrations"),
        doc_md="Applies the migrations in `sql/migrations/` that the warehouse has not seen.",
    )

    plan_healing = PlanHealingOperator(
        task_id="plan_healing",
        ask_again=ASK_AGAIN,
        chunk_days=CHUNK_DAYS,
        doc_md="Finds what is missing and plans the windows. The log shows the plan.",
    )

    heal_windows = TriggerDagRunOperator.partial(
        task_id="heal_windows",
        # Windows of different markets may have days in common: each is to see what the one before has published.
        max_active_tis_per_dagrun=1,
        doc_md="One run of `crypto_prices_window` per window, one after the other.",
        **RUN_WINDOWS,
    ).expand_kwargs(plan_healing.output)

    check_healing = PlanHealingOperator(
        task_id="check_healing",
        ask_again=ASK_AGAIN,
        chunk_days=CHUNK_DAYS,
        nothing_may_be_left=True,
        # Also when there was nothing to heal.
        trigger_rule=TriggerRule.NONE_FAILED,
        doc_md="Looks again. Red when a day was not asked for, or lacks what was loaded or fetched.",
    )

    ensure_schema >> plan_healing >> heal_windows >> check_healing
