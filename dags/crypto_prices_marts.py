"""Refreshes the marts from the loads that they lack, and what the page *Crypto prices* shows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from airflow.sdk import DAG, AssetOrTimeSchedule, CronTriggerTimetable, Param, TriggerRule
from crypto_prices import task_statements
from crypto_prices.load_window import (
    FACT_CRYPTO_PRICES,
    ensure_schema_task,
    load_window_dag_arguments,
    statements_task,
)
from crypto_prices.marts.plan_refresh import PlanRefreshOperator
from crypto_prices.marts.report_freshness import ReportFreshnessOperator
from crypto_prices.page.publish_status import PublishStatusOperator

SQL_FOLDER = Path(__file__).parent / "sql"

DOCS = """
### Marts of crypto prices

Refreshes the tables that analysts read: `daily_prices`, `price_statistics`, `quote_rates`, `venue_prices` and
`consensus_prices` in the schema `crypto`, and the views in `crypto_views`. Then it updates the page *Crypto prices*.

A load of candles starts a run, and so does every night, in case an event was lost. The work itself comes from
`crypto.load_log`: the days of the loads that the marts lack, and the days whose values depend on them. The whole
refresh is one transaction with its own lock. Readers see the marts before it or after it, and loads do not wait for it.
Loads that end during a run share the next one.

Every task can be cleared. `full_refresh` calculates all days again. So does the first run after a change of the marts'
SQL. The order of loads and refreshes does not matter: the marts always equal a full refresh.
"""

with DAG(
    dag_id="crypto_prices_marts",
    dag_display_name="5. crypto_prices_marts: daily prices, statistics and the consensus",
    description="Daily prices, statistics and the consensus of the exchanges",
    doc_md=DOCS,
    schedule=AssetOrTimeSchedule(
        timetable=CronTriggerTimetable("0 3 * * *", timezone="UTC"),
        assets=[FACT_CRYPTO_PRICES],
    ),
    start_date=datetime(2017, 8, 17, tzinfo=UTC),
    catchup=False,
    # Two concurrent refreshes would only wait for each other.
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=3),
    tags=["crypto_prices", "for analysts"],
    params={
        "full_refresh": Param(False, type="boolean", description="Calculate all days again"),
    },
    **load_window_dag_arguments(SQL_FOLDER),
):
    ensure_schema = ensure_schema_task(SQL_FOLDER)

    plan_refresh = PlanRefreshOperator(
        task_id="plan_refresh",
        sql="marts/find_work.sql",
        full_refresh="{{ params.full_refresh | tojson }}",
        doc_md="Finds the loads that the marts lack, and their days. Skips the refresh if there are none.",
    )

    refresh_marts = statements_task(
        task_id="refresh_marts",
        sql=list(task_statements.REFRESH_MARTS),
        # A full refresh of many years takes longer than a load.
        execution_timeout=timedelta(hours=1),
        doc_md="Calculates these days again, in one transaction.",
    )

    report_freshness = ReportFreshnessOperator(
        task_id="report_freshness",
        sql="marts/find_work.sql",
        # Marts that lack nothing are fresh, too.
        trigger_rule=TriggerRule.NONE_FAILED,
        doc_md="Sends the number of loads that the marts lack to CloudWatch. An alarm fires when none arrives.",
    )

    # Not a task of each load: a backfill of many windows would write the page's data as often, and no one would read
    # them.
    publish_status = PublishStatusOperator(
        task_id="publish_status",
        # The page shows the loads even if the marts could not be refreshed.
        trigger_rule=TriggerRule.ALL_DONE,
        doc_md="Writes what the page *Crypto prices* shows to XCom: the state of days, the coverage and the candles.",
    )

    ensure_schema >> plan_refresh >> refresh_marts >> [report_freshness, publish_status]
