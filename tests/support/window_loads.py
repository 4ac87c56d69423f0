"""Loads of a window with the files of sql/load in the order of the DAG, and their candles."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from types import SimpleNamespace
from typing import Any, NamedTuple

from crypto_prices.backfill import loaded_days
from crypto_prices.market_sets import market_chunks
from crypto_prices.quality_rules import quality_rules
from crypto_prices.sql_literals import sql_literal
from crypto_prices.xcom.batch import Batch
from crypto_prices.xcom.fetched_source import EmptyRange, FetchedSource
from crypto_prices.xcom.replay import Replay
from crypto_prices_contract.curation_report import REPORT_VERSION
from crypto_prices_contract.window import Window
from jinja2.utils import LRUCache

from tests.support.data_api import ROLE, Client, Outcome

DAG_ID = "crypto_prices_window"
BTC, ETH = "BTC/USDT", "ETH/USDT"
FACT = (
    "SELECT source, symbol || '/' || quote_currency, candle_interval, CAST(observed_at AS VARCHAR(32)), "
    "CAST(close_price AS VARCHAR(64)), batch_id FROM crypto.fact_crypto_prices ORDER BY 1, 2, 3, 4, 6"
)


class Candle(NamedTuple):
    """The columns that distinguish the candles of the tests; the other columns are the same in all candles."""

    source: str
    market: str
    candle_interval: str
    observed_at: str
    close_price: str

    def values(self, batch_id: str, fetched_at: str) -> str:
        """Return the row for an INSERT into a staging table."""
        symbol, quote = self.market.split("/")
        row = (self.source, symbol, quote, self.candle_interval, self.observed_at)
        prices = (self.close_price,) * 6
        rest = ("7", None, "s3://lake/raw/x.json.gz", fetched_at, batch_id)
        return f"({', '.join(map(sql_literal, (*row, *prices, *rest)))})"


def candles(
    *markets: str,
    day: str = "2023-12-18",
    hours: range = range(3),
    price: str = "1.5",
    source: str = "binance",
    candle_interval: str = "1h",
) -> list[Candle]:
    """Return a candle for each market and hour of a day."""
    return [
        Candle(source, market, candle_interval, f"{day} {hour:02d}:00:00", f"{price}00000000000000000")
        for market in markets
        for hour in hours
    ]


@functools.cache
def _environment(dag: Any) -> Any:
    """Return the environment in which Airflow renders a DAG's templates, which compiles each template only once.

    Airflow's own compiles a template each time it is rendered, because a task renders it once.
    """
    environment = dag.get_template_env()
    environment.cache = LRUCache(400)
    environment.from_string = functools.cache(environment.from_string)
    return environment


@dataclass
class Load:
    """One DAG run's load of a window: the SQL of its tasks, taken from the DAG and rendered by Airflow.

    Attributes:
        candles: The rows of its staging table.
        markets: The requested markets by source. Default: the markets of ``candles``.
        curated: The number of candles in the curation report, by source. Default: the numbers in ``candles``.
        try_number: The try of curate_prices that curated the candles.
        fetched_at: When the candles were fetched.
        quarantined: The quarantined candles, which ``candles`` lacks.
        empty: The candles whose requests had an empty response twice, by source.
        rules: Data quality rules of the settings.
        refused: The sources that the Glue job refused, as in the report.
        accepted: Why a user accepted the rejected records of a source, by source.
        params: Other params of the run.
    """

    client: Client
    dag: Any
    run_id: str
    candles: list[Candle]
    start: str = "2023-12-18"
    end: str = "2023-12-19"
    candle_interval: str = "1h"
    content_hash: str = "a" * 64
    markets: dict[str, list[str]] = field(default_factory=dict)
    curated: dict[str, int] = field(default_factory=dict)
    try_number: int = 1
    fetched_at: str = "2023-12-20 00:00:00"
    quarantined: list[dict[str, Any]] = field(default_factory=list)
    empty: dict[str, list[EmptyRange]] = field(default_factory=dict)
    rules: dict[str, dict[str, Any]] = field(default_factory=dict)
    refused: list[dict[str, Any]] = field(default_factory=list)
    accepted: dict[str, str] = field(default_factory=dict)
    params: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        of_source: dict[str, list[Candle]] = {}
        for candle in self.candles:
            of_source.setdefault(candle.source, []).append(candle)
        self.markets = self.markets or {
            source: sorted({candle.market for candle in rows}) for source, rows in of_source.items()
        }
        refused = {source["source"] for source in self.refused}
        counts = {source: len(of_source.get(source, [])) for source in self.markets} | self.curated
        sources = [
            FetchedSource(
                source=source,
                candle_interval=self.candle_interval,
                raw_manifest=f"s3://lake/raw/{source}/manifest.json",
                content_hash=self.content_hash,
                records=counts[source] + 3,
                markets=asked,
                gaps=[],
                incomplete={},
                fetched_at=self.fetched_at,
                empty_ranges=self.empty.get(source, []),
            )
            for source, asked in self.markets.items()
        ]
        self.batch = Batch.of_run(DAG_ID, self.run_id, Window.parse(self.start, self.end), sources)
        self._xcoms = {
            "resolve_window": [
                {"source": source.source, "window_start": self.start, "window_end": self.end} for source in sources
            ],
            "fetch_prices": [asdict(source) for source in sources],
            "plan_load": self.batch.as_xcom(),
            "read_curation_report": {
                "report_version": REPORT_VERSION,
                "batch_id": self.batch_id,
                "job_run_id": f"jr_{self.run_id}_{self.try_number}",
                "code_digest": "d" * 64,
                "raw_manifests": [source.raw_manifest for source in sources],
                "sources": {
                    source: {
                        "fetched": counts[source] + 3,
                        "curated": counts[source],
                        "quarantined": {"off_grid": 2},
                        "duplicates": 1,
                    }
                    for source in self.markets
                    if source not in refused
                },
                "refused": self.refused,
                "copy_manifest": {
                    "uri": f"s3://lake/curated/_manifests/jr_{self.run_id}_{self.try_number}/copy_manifest.json",
                    "version_id": None,
                    "etag": "e" * 32,
                    "sha256": "a" * 64,
                },
                "curated_files": [],
                "quarantine": None,
                "window": {"start": self.start, "end": self.end},
                "days": {},
                "row_rules": [
                    {
                        "source": source,
                        "rule": "off_grid",
                        "action": "quarantine",
                        "checked": counts[source] + 3,
                        "broken": 2,
                    }
                    for source in self.markets
                ],
                "quarantined_candles": self.quarantined,
            },
        }

    def replaying(self, replay: Replay) -> None:
        """Let the run replay a committed load."""
        self.batch = self.batch.replaying(replay)
        self._xcoms["plan_load"] = self.batch.as_xcom()
        self._xcoms["read_curation_report"]["batch_id"] = self.batch_id

    @property
    def batch_id(self) -> str:
        """The value of batch_id in the rows of this attempt."""
        return self.batch.attempt_id(self.try_number)

    @property
    def table(self) -> str:
        """The run's staging table."""
        return f"crypto.{self.batch.staging_table}"

    def sql(self, task_id: str, *, force: bool = False, first: int | None = None, of_field: str = "sql") -> list[str]:
        """Return the statements in a field of a task, or only the first few."""
        task = self.dag.get_task(task_id)
        written = getattr(task, of_field)
        written = [written] if isinstance(written, str) else written
        context = {
            "ti": SimpleNamespace(xcom_pull=lambda task_ids, **_: self._xcoms[task_ids]),
            "dag": self.dag,
            "dag_run": SimpleNamespace(dag_id=DAG_ID, run_id=self.run_id, triggering_user_name="ada"),
            "params": {
                "force": force,
                "accepted_sources": list(self.accepted),
                "accepted_because": "; ".join(self.accepted.values()) or None,
            }
            | self.params,
            "settings": lambda: SimpleNamespace(
                rules=quality_rules(self.rules), redshift_copy_role_arn=ROLE, max_rejected_share=0.01
            ),
        }
        rendered: list[str] = task.render_template(written[:first], context, _environment(self.dag))
        return rendered

    def empty_sql(self) -> list[str]:
        """Return the statements of plan_load for a window without fetched candles."""
        task = self.dag.get_task("plan_load")
        context = {"ti": SimpleNamespace(xcom_pull=lambda task_ids, **_: self._xcoms[task_ids])}
        rendered: list[str] = task.render_template(task.empty_sql, context, _environment(self.dag))
        return rendered

    def write_markets(self) -> Load:
        """Write the requested markets, as plan_load does."""
        self.client.ok(*self.market_statements())
        return self

    def market_statements(self) -> list[str]:
        """Return the statements with which plan_load writes the market sets of a new warehouse."""
        template = _environment(self.dag).get_template("plan/insert_market_set.sql")
        return [
            template.render(market_set=source.market_set, markets=chunk)
            for source in self.batch.sources
            for chunk in market_chunks(source.markets)
        ]

    def stage(self) -> Load:
        """Write the markets, and fill the staging table, as copy_to_staging does from S3."""
        self.write_markets()
        make = self.sql("copy_to_staging", first=2)
        rows = [candle.values(self.batch_id, self.fetched_at) for candle in self.candles]
        outcome = self.client.batch(*make)
        assert outcome.error is None, outcome.error
        # In place of the COPY. The rows of a statement must fit into the Data API's limit.
        fill = (", ".join(rows[first : first + 300]) for first in range(0, len(rows), 300))
        self.client.ok(*(f"INSERT INTO {self.table} VALUES {values}" for values in fill))
        return self

    def check_staging(self) -> Outcome:
        """Run the task check_staging, a single statement."""
        (statement,) = self.sql("check_staging")
        return self.client.run(statement)

    def merge(self, *, force: bool = False) -> Outcome:
        """Run the task merge_into_fact."""
        return self.client.batch(*self.sql("merge_into_fact", force=force))

    def record(self) -> None:
        """Run the task record_load."""
        outcome = self.client.batch(*self.sql("record_load"))
        assert outcome.error is None, outcome.error

    def merged(self, *, force: bool = False) -> Load:
        """Fill the staging table and merge it."""
        outcome = self.stage().merge(force=force)
        assert outcome.error is None, outcome.error
        return self

    def complete(self, *, force: bool = False) -> Load:
        """Fill the staging table, merge it and record the load."""
        self.merged(force=force).record()
        return self

    def forget_fetch_time(self) -> None:
        """Remove the fetch times from the run's results, as in results of an older version."""
        for source in self._xcoms["plan_load"]["sources"]:
            del source["fetched_at"]

    def metadata(self) -> dict[str, dict[str, Any]]:
        """Return the batch's rows of crypto.etl_metadata by source."""
        outcome = self.client.run(
            f"SELECT * FROM crypto.etl_metadata WHERE batch_id = {sql_literal(self.batch_id)} ORDER BY source"
        )
        names = [column["name"] for column in outcome.columns]
        rows = [dict(zip(names, row, strict=True)) for row in outcome.rows]
        assert len({row["source"] for row in rows}) == len(rows)
        return {row["source"]: row for row in rows}

    def current_loads(self) -> dict[str, dict[str, Any]]:
        """Return the loads that plan_load finds for this window, by source."""
        (statement,) = self.write_markets().sql("plan_load")
        outcome = self.client.run(statement)
        assert outcome.error is None, outcome.error
        names = [column["name"] for column in outcome.columns]
        return {row["source"]: row for row in (dict(zip(names, found, strict=True)) for found in outcome.rows)}

    def found(self, start: str = "2023-12-01", end: str = "2024-01-01") -> dict[str, loaded_days.Load]:
        """Return the loads that a backfill of these days finds, by batch."""

        def query(name: str, days: Window) -> list[dict[str, Any]]:
            outcome = self.client.run(_environment(self.dag).get_template(name).render(params=days))
            assert outcome.error is None, outcome.error
            names = [column["name"] for column in outcome.columns]
            return [dict(zip(names, row, strict=True)) for row in outcome.rows]

        loads = loaded_days.find_loads(query, Window.parse(start, end), self.candle_interval)
        return {load.batch_id: load for load in loads}

    def in_fact(self) -> list[list[str]]:
        """Return the rows that this load should have in the fact table."""
        return sorted([*candle, self.batch_id] for candle in self.candles)


def remove(
    client: Client, market: str, start: str, end: str, because: str = "a test", source: str = "binance"
) -> Outcome:
    """Remove candles of a market, as docs/how-to/operate.md says."""
    symbol, quote = market.split("/")
    return client.batch(
        "LOCK crypto.load_lock",
        f"CALL crypto.remove_candles('{source}', '{symbol}', '{quote}', '1h', '{start}', '{end}', '{because}')",
    )


@contextmanager
def nothing_changes(client: Client) -> Iterator[None]:
    """Fail if the fact table, its history or the metadata changes inside the block."""
    tables = (
        FACT,
        "SELECT * FROM crypto.etl_metadata ORDER BY batch_id, source",
        "SELECT * FROM crypto.load_log ORDER BY load_number, source",
        "SELECT * FROM crypto.price_versions ORDER BY source, symbol, quote_currency, observed_at, valid_from_load",
    )
    before = [client.rows(table) for table in tables]
    yield
    assert [client.rows(table) for table in tables] == before
