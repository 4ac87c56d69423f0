"""Loads one window of any number of days; ``crypto_prices_backfill`` starts a run of it for each window it plans."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from airflow.sdk import DAG, Param
from crypto_prices.load_window import load_window, load_window_dag_arguments

SQL_FOLDER = Path(__file__).parent / "sql"

DOCS = """
### One window of crypto prices

The same tasks as `crypto_prices_daily`, for the whole UTC days [`start`, `end`) at once: one Glue run, one COPY, one
merge. `crypto_prices_backfill` starts its runs; by hand it restates a few days.
"""

with DAG(
    dag_id="crypto_prices_window",
    description="Closed candles of a window of days, loaded at once",
    doc_md=DOCS,
    schedule=None,
    catchup=False,
    max_active_runs=4,
    # Nothing starts it by itself, and a paused one would keep a backfill waiting.
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
            description="Sources to take, of those in the settings; none means all",
        ),
        "symbols": Param(
            [],
            # Without null the form shows it as required.
            type=["null", "array"],
            items={"type": "string"},
            description="Exchange symbols to take, of those in the settings; none means all",
        ),
        "reload": Param(False, type="boolean", description="Load even what the warehouse already holds"),
        "force": Param(
            False,
            type="boolean",
            description="Like reload, which it implies; also delete candles that the exchange no longer returns, and "
            "overwrite what was fetched later",
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
