"""Loads one window of any number of days. ``crypto_prices_backfill`` starts a run for each planned window."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from airflow.sdk import DAG, Param
from crypto_prices.form_choices import read_choices
from crypto_prices.load_window import load_window, load_window_dag_arguments

SQL_FOLDER = Path(__file__).parent / "sql"
CHOICES = read_choices(Path(__file__).parent)

DOCS = """
### One window of crypto prices

Runs the tasks of `crypto_prices_daily` for the UTC days [`start`, `end`) together: one Glue run, one COPY, one merge.
`crypto_prices_backfill` and `crypto_prices_audit` start these runs. Run id and note name the days. Start a run by hand
to restate a few days.
"""

with DAG(
    dag_id="crypto_prices_window",
    dag_display_name="4. crypto_prices_window: started by the backfill and the audit",
    description="Closed candles of a window of days, loaded together",
    doc_md=DOCS,
    schedule=None,
    catchup=False,
    max_active_runs=4,
    # It has no schedule, and a paused DAG would block backfills.
    is_paused_upon_creation=False,
    dagrun_timeout=timedelta(hours=12),
    tags=["crypto_prices", "started by others"],
    params={
        "start": Param(type="string", format="date", description="First day"),
        "end": Param(type="string", format="date", description="Day after the last"),
        "sources": CHOICES.sources_param("Sources to load, out of those in the settings; empty for all"),
        "symbols": CHOICES.symbols_param("Exchange symbols to load, out of those in the settings; empty for all"),
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
        "accepted_by": Param(
            None,
            type=["null", "string"],
            description="Set only by crypto_prices_audit, which loads an accepted day again: the user who accepted it",
        ),
        "raw_manifests": Param(
            [],
            type="array",
            items={"type": "string"},
            description="S3 URIs of the raw manifests of this window to load again, instead of asking the exchanges",
        ),
        "load_record": Param(
            None,
            type=["null", "string"],
            description="Set only by crypto_prices_backfill with from_raw: S3 URI of the record of the load to replay",
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
        raw_manifests="{{ params.raw_manifests | tojson }}",
        load_record="{{ params.load_record or '' }}",
    )
