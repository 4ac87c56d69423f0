"""Loads one window of any number of days. ``crypto_prices_backfill`` starts a run for each planned window."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from airflow.sdk import DAG, Param
from crypto_prices.load_window import load_window, load_window_dag_arguments

SQL_FOLDER = Path(__file__).parent / "sql"

DOCS = """
### One window of crypto prices

Runs the tasks of `crypto_prices_daily` for the UTC days [`start`, `end`) together: one Glue run, one COPY, one merge.
`crypto_prices_backfill` starts these runs. Start one by hand to restate a few days.
"""

with DAG(
    dag_id="crypto_prices_window",
    description="Closed candles of a window of days, loaded together",
    doc_md=DOCS,
    schedule=None,
    catchup=False,
    max_active_runs=4,
    # It has no schedule, and a paused DAG would block backfills.
    is_paused_upon_creation=False,
    dagrun_timeout=timedelta(hours=12),
    tags=["crypto_prices", "backfill"],
    params={
        "start": Param(type="string", format="date", description="First day"),
        "end": Param(type="string", format="date", description="Day after the last"),
        "sources": Param(
            [],
            # Without null the form shows it as required.
            type=["null", "array"],
            items={"type": "string"},
            description="Sources to load, out of those in the settings; empty for all",
        ),
        "symbols": Param(
            [],
            # Without null the form shows it as required.
            type=["null", "array"],
            items={"type": "string"},
            description="Exchange symbols to load, out of those in the settings; empty for all",
        ),
        "reload": Param(False, type="boolean", description="Load even what the warehouse already holds"),
        "force": Param(
            False,
            type="boolean",
            description="Reload, and also allow deleting candles that the exchange no longer returns and overwriting "
            "later corrections",
        ),
        "accepted_sources": Param(
            [],
            # Without null the form shows it as required.
            type=["null", "array"],
            items={"type": "string"},
            description="Sources to load although too many of their records are rejected. Needs accepted_because",
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
    load_window(
        sql_folder=SQL_FOLDER,
        start="{{ params.start }}",
        end="{{ params.end }}",
        sources="{{ (params.sources or []) | tojson }}",
        symbols="{{ (params.symbols or []) | tojson }}",
    )
