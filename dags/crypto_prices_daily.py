"""Loads one day of candles every day: exchange APIs to S3, Glue, the Glue catalog and Redshift."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from airflow.sdk import DAG, Param
from crypto_prices.form_choices import read_choices
from crypto_prices.load_window import load_window, load_window_dag_arguments
from crypto_prices.plan.day_timetable import DayTimetable

# sql/ is deployed in the DAGs' folder. In the repository, dags/sql is a symbolic link to it.
SQL_FOLDER = Path(__file__).parent / "sql"
CHOICES = read_choices(Path(__file__).parent)

DOCS = """
### Daily crypto prices

Fetches the closed candles of one UTC day from all exchanges in the Variable `crypto_prices_settings` and loads them
into `crypto.fact_crypto_prices`. The day is the run's logical date, or its param `day`. The id of a scheduled run names
the day.

Every task can be cleared. If the warehouse already holds the fetched content, the run skips the load and `plan_load`
logs the reason. To load it anyway, clear the run or start one with `reload`. Use `force` only if the load may delete
candles or overwrite later corrections (docs/how-to/operate.md, *Restate a bad day*).

To load many days, use `crypto_prices_backfill`.
"""

with DAG(
    dag_id="crypto_prices_daily",
    dag_display_name="1. crypto_prices_daily: start here",
    description="Closed candles of one day from exchange APIs to S3, Glue, the Glue catalog and Redshift",
    doc_md=DOCS,
    # Not "@daily", because its data interval has zero width. The logical date is the day to load.
    schedule=DayTimetable(),
    start_date=datetime(2017, 8, 17, tzinfo=UTC),
    catchup=False,
    max_active_runs=4,
    dagrun_timeout=timedelta(hours=6),
    tags=["crypto_prices", "start here"],
    params={
        "day": Param(
            None, type=["null", "string"], format="date", description="Day to load instead of the logical date"
        ),
        "reload": Param(False, type="boolean", description="Load even what the warehouse already holds"),
        "force": Param(
            False,
            type="boolean",
            description="Reload, and also allow deleting candles that the exchange no longer returns and overwriting "
            "later corrections",
        ),
        "accepted_sources": CHOICES.sources_param(
            "Sources to load although too many of their records are rejected. Needs accepted_because"
        ),
        "accepted_because": Param(
            None,
            type=["null", "string"],
            maxLength=500,
            description="Why the records of accepted_sources may be missing. The load records it with your user name",
        ),
    },
    **load_window_dag_arguments(SQL_FOLDER),
):
    load_window(sql_folder=SQL_FOLDER, day="{{ params.day or '' }}")
