"""What Airflow's REST API answers the page *Crypto prices* after seven weeks of four sources.

The page's own code builds the documents, from rows as the warehouse has them. The other answers have the members of
Airflow's that the page reads. On 2023-12-17, CoinGecko refused the API key. TestPage in
tests/end_to_end/test_runbook.py shows the page with a real Airflow.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from crypto_prices.backfill.glue_cost import GlueRun
from crypto_prices.page.documents import Surroundings, page_documents
from crypto_prices.page.snapshot import Snapshot
from crypto_prices.settings import PriceSettings
from crypto_prices_contract.window import Window

DAILY, WINDOW, MARTS = "crypto_prices_daily", "crypto_prices_window", "crypto_prices_marts"
PUBLISHED_BY = "asset_triggered__2023-12-19"
FAILED_DAY = date(2023, 12, 17)
RESTATED_AT = datetime(2023, 12, 16, 7)  # noqa: DTZ001 - as the warehouse writes it
"""Opening time of the candle of binance's BTC/USDT that a later load has changed."""
FIRST, UNTIL = date(2023, 11, 1), date(2023, 12, 19)
MARKETS = {
    "binance": ("BTC/USDT", "ETH/USDT"),
    "bitstamp": ("BTC/USDT", "ETH/USD"),
    "coinbase": ("BTC/USDT", "ETH/USD"),
    "coingecko": ("BTC/USD",),
}
STEPS = {"fetch_prices": 4, "curate_prices": 21, "copy_to_staging": 3, "merge_into_fact": 5}
"""Seconds of each task."""


@dataclass(frozen=True)
class Run:
    """A run that has loaded a window."""

    dag_id: str
    window: Window

    @property
    def run_id(self) -> str:
        """The run's id."""
        return f"manual__{self.window.start}"

    @property
    def sources(self) -> list[str]:
        """The loaded sources."""
        return [source for source in MARKETS if source != "coingecko" or self.window.start != FAILED_DAY]


# Newest first.
RUNS = [
    *(Run(DAILY, Window.of_day(date(2023, 12, day))) for day in (18, 17, 16)),
    Run(WINDOW, Window(FIRST, date(2023, 12, 16))),
]


AROUND = Surroundings(
    written_at=datetime(2023, 12, 19, 0, 5, tzinfo=UTC),
    sources=frozenset(MARKETS),
    candle_interval="1h",
    interval=timedelta(hours=1),
    runbook_url="docs/how-to/troubleshoot.md",
    freshness_hours=30,
    prices=PriceSettings(),
    glue_runs={run.run_id: GlueRun(seconds=40, dpus=2) for run in RUNS},
)


def page_snapshot() -> Snapshot:
    """Return the warehouse's rows."""
    markets = [(source, *market.split("/")) for source, names in MARKETS.items() for market in names]
    rows = [{"source": source, "symbol": symbol, "quote_currency": quote} for source, symbol, quote in markets]
    fetched = [
        {**row, "starts_on": f"{start}", "ends_on": f"{end}"}
        for row in rows
        for start, end in (
            [(FIRST, FAILED_DAY), (FAILED_DAY + timedelta(days=1), UNTIL)]
            if row["source"] == "coingecko"
            else [(FIRST, UNTIL)]
        )
    ]
    return Snapshot(
        until=UNTIL,
        ranges=fetched,
        expected=[{**row, "used_from": None, "used_until": None} for row in rows],
        gaps=[],
        loads=list(_loads()),
        daily_from=FIRST,
        daily=[candle for row in rows for candle in _candles(row, Window(FIRST, UNTIL), hours=24)],
        hourly=[candle for row in rows for candle in _candles(row, Window(date(2023, 12, 5), UNTIL), hours=1)],
        daily_consensus=list(_consensus(Window(FIRST, UNTIL), hours=24)),
        hourly_consensus=list(_consensus(Window(date(2023, 12, 5), UNTIL), hours=1)),
    )


def page_answers() -> dict[str, Any]:
    """Return the answers by path and query below ``api/v2/``."""

    def entries(run_id: str) -> str:
        return f"dags/{MARTS}/dagRuns/{run_id}/taskInstances/publish_status/xcomEntries"

    answers: dict[str, Any] = {
        f"{entries(PUBLISHED_BY)}/{key}": {"key": key, "value": document}
        for key, document in page_documents(page_snapshot(), AROUND).items()
    }
    answers[f"{entries('~')}?xcom_key=status&order_by=-timestamp&limit=1"] = {
        "xcom_entries": [{"dag_id": MARTS, "run_id": PUBLISHED_BY}]
    }
    for dag_id in (DAILY, WINDOW):
        runs = [run for run in RUNS if run.dag_id == dag_id]
        instances = f"dags/{dag_id}/dagRuns/~/taskInstances"
        answers[f"dags/{dag_id}/dagRuns?order_by=-run_after&limit=100"] = {"dag_runs": list(map(_dag_run, runs))}
        answers[f"{instances}?state=failed&order_by=-start_date&limit=100"] = {
            "task_instances": list(_failed_tasks()) if dag_id == DAILY else []
        }
        for task_id, seconds in STEPS.items():
            query = f"task_display_name_pattern={task_id}&state=success&order_by=-start_date&limit=100&offset=0"
            answers[f"{instances}?{query}"] = {
                "task_instances": [
                    {
                        "task_id": task_id,
                        "dag_run_id": run.run_id,
                        "start_date": f"{run.window.end}T00:01:00Z",
                        "end_date": f"{run.window.end}T00:01:{seconds:02d}Z",
                    }
                    for run in runs
                ],
                "total_entries": len(runs),
            }
    return answers


def _dag_run(run: Run) -> dict[str, Any]:
    conf = run.window.as_json() if run.dag_id == WINDOW else {}
    return {
        "dag_run_id": run.run_id,
        "state": "failed" if run.window.start == FAILED_DAY else "success",
        "conf": conf,
        "logical_date": None if conf else f"{run.window.start}T00:00:00Z",
        "run_after": f"{run.window.end}T00:00:00Z",
    }


def _failed_tasks() -> Iterator[dict[str, Any]]:
    run = next(run for run in RUNS if run.window.start == FAILED_DAY)
    days = f"{run.window.start} to {run.window.end}"
    for task_id, map_index, rendered in (("fetch_prices", 3, f"coingecko, {days}"), ("require_sources", -1, None)):
        yield {
            "dag_id": run.dag_id,
            "dag_run_id": run.run_id,
            "task_id": task_id,
            "map_index": map_index,
            "rendered_map_index": rendered,
        }


def _loads() -> Iterator[dict[str, Any]]:
    sources = [(run, source) for run in RUNS for source in run.sources]
    for number, (run, source) in enumerate(sources):
        candles = 24 * len(MARKETS[source]) * len(run.window.days())
        yield {
            "batch_id": run.run_id, "source": source, "window_start": f"{run.window.start}",
            "window_end": f"{run.window.end}", "market_total": len(MARKETS[source]), "dag_id": run.dag_id,
            "run_id": run.run_id, "status": "loaded", "rows_fetched": candles, "rows_quarantined": 0,
            "rows_duplicate": 0, "rows_curated": candles, "rows_staged": candles, "rows_merged": candles,
            "rows_in_window": candles, "rows_removed": 0, "load_number": 100 - number,
            "fetched_at": f"{run.window.end} 00:01:04", "loaded_at": f"{run.window.end} 00:03:00",
            "recorded_at": f"{run.window.end} 00:04:00", "glue_job_run_id": run.run_id, "is_accepted": 0,
        }  # fmt: skip


def _candles(market: dict[str, str], window: Window, *, hours: int) -> Iterator[dict[str, Any]]:
    for number in range(0, 24 * len(window.days()), hours):
        opens_at = window.starts_at.replace(tzinfo=None) + timedelta(hours=number)
        if market["source"] == "coingecko" and opens_at.date() == FAILED_DAY:
            continue
        price = 42000 + number * 7 % 1100
        is_restated = (market["source"], market["symbol"]) == ("binance", "BTC") and (
            opens_at <= RESTATED_AT < opens_at + timedelta(hours=hours)
        )
        has_candles = market["source"] != "coingecko"
        yield {
            **market,
            "opens_at": f"{opens_at}",
            "open_price": f"{price}.120000000000000000",
            "high_price": f"{price + 90}.123456780000000000" if has_candles else None,
            "low_price": f"{price - 80}.500000000000000000" if has_candles else None,
            "close_price": f"{price + 40}.070000000000000000" if has_candles else None,
            "base_volume": f"{number % 50}.123456789012345678" if has_candles else None,
            "candles": hours,
            "restated": int(is_restated),
        }


def _consensus(window: Window, *, hours: int) -> Iterator[dict[str, Any]]:
    """Yield the consensus of BTC, which is weak in the hours of the restated day."""
    for number in range(0, 24 * len(window.days()), hours):
        opens_at = window.starts_at.replace(tzinfo=None) + timedelta(hours=number)
        price = 42020.123456789 + number * 7 % 1100
        yield {
            "symbol": "BTC",
            "opens_at": f"{opens_at}",
            "price": price,
            "is_weak": int(opens_at.date() == RESTATED_AT.date()),
        }
