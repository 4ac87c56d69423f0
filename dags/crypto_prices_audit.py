"""Finds missing candles in the last weeks, and restated ones in a sample, and reloads exactly these days."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import DAG, CronDataIntervalTimetable, Param, TriggerRule
from crypto_prices.audit.plan_healing import PlanHealingOperator
from crypto_prices.backfill.window_run import RUN_WINDOWS
from crypto_prices.fetch.fetch_prices import FETCH_TIMEOUT
from crypto_prices.load_window import ensure_schema_task, load_window_dag_arguments
from crypto_prices.settings import MOST_SAMPLED

SQL_FOLDER = Path(__file__).parent / "sql"

DOCS = """
### Audit of crypto prices

Checks each day of each market in the settings once a week: the last `days`, or the days from `start` to `end`. A day
needs healing in any of these cases:

- It was never fetched.
- Loaded candles are missing from the fact table.
- Its load was never published, or the catalog shows an older one.
- Fetched objects are missing from the raw zone.
- Candles are missing for a reason in `ask_again`.

It also fetches some loaded days of any age again, and compares them with the fact table: those whose last fetch or
check is the longest ago. A day that the exchange has restated needs healing, too, until a load has fetched it.
`crypto.restatement_checks` has the results.

The log of `plan_healing` shows the plan: the fewest windows that cover these days, and their API requests.
`crypto_prices_window` loads them one after the other. It never uses `force`, because only a user can decide to delete
candles. A day that a user accepted is loaded with this acceptance. `check_healing` checks the result.

If the plan is larger than `audit_limit_days` of all markets in the settings, `plan_healing` shows the plan and its
price, and fails without starting anything. Its message has the params of the run that approves the plan. The first
audit of a new platform ends like this, because most days were never fetched.

`crypto.missing_candles` shows all missing candles by day, with reasons. No candle is ever invented.
"""

GAP_REASONS = ["quarantined", "venue_down", "empty_day", "empty_response", "no_trade", "not_listed"]
ASK_AGAIN = "{{ params.ask_again | tojson }}"
CHUNK_DAYS = "{{ params.chunk_days }}"

with DAG(
    dag_id="crypto_prices_audit",
    dag_display_name="3. crypto_prices_audit: finds and reloads missing candles",
    description="Finds and reloads missing and restated candles",
    doc_md=DOCS,
    schedule=CronDataIntervalTimetable("0 6 * * 1", timezone="UTC"),
    start_date=datetime(2017, 8, 21, tzinfo=UTC),
    catchup=False,
    # Two concurrent runs would plan and load the same windows.
    max_active_runs=1,
    dagrun_timeout=timedelta(days=1),
    tags=["crypto_prices", "audit"],
    params={
        "start": Param(None, type=["null", "string"], format="date", description="First day, instead of days"),
        "end": Param(None, type=["null", "string"], format="date", description="Day after the last"),
        "days": Param(
            35, type="integer", minimum=1, maximum=366, description="Number of days before the end of the data interval"
        ),
        "ask_again": Param(
            ["quarantined", "venue_down", "empty_day", "empty_response"],
            type="array",
            items={"type": "string", "enum": GAP_REASONS},
            # The form offers these.
            examples=GAP_REASONS,
            description="Request candles again if they are missing for one of these reasons",
        ),
        "chunk_days": Param(31, type="integer", minimum=1, maximum=366, description="Longest window in days"),
        "max_market_days": Param(
            None,
            type=["null", "integer"],
            minimum=0,
            description="Approves a plan of up to this many days of markets. Without it, audit_limit_days in the "
            "settings is the limit",
        ),
        "restatement_sample": Param(
            None,
            type=["null", "integer"],
            minimum=0,
            maximum=MOST_SAMPLED,
            description="Loaded days of markets to fetch again and compare, instead of the setting; 0 for none",
        ),
    },
    **load_window_dag_arguments(SQL_FOLDER),
):
    ensure_schema = ensure_schema_task(SQL_FOLDER)

    plan_healing = PlanHealingOperator(
        task_id="plan_healing",
        ask_again=ASK_AGAIN,
        chunk_days=CHUNK_DAYS,
        restatement_sample="{{ params.restatement_sample | tojson }}",
        # The sample is fetched at the pace of its sources.
        execution_timeout=FETCH_TIMEOUT,
        doc_md="Finds the days to heal, fetches a sample of loaded days again, and plans the windows. The log shows "
        "the plan and the differences.",
    )

    heal_windows = TriggerDagRunOperator.partial(
        task_id="heal_windows",
        # Windows of different markets may overlap. Each must see the versions that the previous one published.
        max_active_tis_per_dagrun=1,
        doc_md="Starts one run of `crypto_prices_window` per window, one after the other.",
        **RUN_WINDOWS,
    ).expand_kwargs(plan_healing.output)

    check_healing = PlanHealingOperator(
        task_id="check_healing",
        ask_again=ASK_AGAIN,
        chunk_days=CHUNK_DAYS,
        nothing_may_be_left=True,
        # Also runs if there was nothing to heal.
        trigger_rule=TriggerRule.NONE_FAILED,
        doc_md="Checks the days again. Fails if a day was never fetched, or lacks loaded or fetched data.",
    )

    ensure_schema >> plan_healing >> heal_windows >> check_healing
