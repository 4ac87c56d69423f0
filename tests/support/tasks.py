"""The DAG's tasks on the local AWS, with separate settings, warehouse and catalog table for each test."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.providers.amazon.aws.hooks.redshift_data import RedshiftDataHook
from airflow.sdk import BaseOperator
from airflow.sdk.execution_time.context import OutletEventAccessors
from crypto_prices.aws.redshift_data import RedshiftDataClient
from crypto_prices.market_sets import market_set_name
from crypto_prices.settings import Settings, load_settings, parse_settings
from crypto_prices.sql_literals import sql_literal
from crypto_prices.xcom.batch import Batch
from crypto_prices.xcom.fetched_source import FetchedSource
from crypto_prices_contract.curation_report import REPORT_VERSION
from crypto_prices_contract.window import Window

REPOSITORY = Path(__file__).parents[2]
DAG_ID = "crypto_prices_window"
WINDOW = Window.parse("2023-12-18", "2023-12-20")
_numbers = itertools.count(1)


@dataclass
class TaskInstance:
    """The part of a running task instance that operators use: results of other tasks, and its own."""

    results: dict[str, Any] = field(default_factory=dict)
    pushed: dict[str, Any] = field(default_factory=dict)
    map_index: int = -1
    try_number: int = 1
    dag_id: str = DAG_ID
    task_id: str = ""
    run_id: str = "run_1"

    def xcom_pull(self, task_ids: str, map_indexes: list[int] | None = None, key: str = "return_value") -> Any:
        if key != "return_value":
            # A task's own ones are missing, as after the start of a try, when Airflow deletes them.
            return self.results.get(f"{task_ids}.{key}")
        results = self.results.get(task_ids)
        if map_indexes is None:
            return results
        of_index = dict(enumerate(results or []))
        return [of_index.get(index) for index in map_indexes]

    def xcom_push(self, key: str, value: Any) -> None:
        self.pushed[key] = value


@pytest.fixture
def task_log(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> pytest.LogCaptureFixture:
    """Capture the log of tasks. Airflow's logger bypasses the standard library and writes to standard output."""
    monkeypatch.setattr(BaseOperator, "log", logging.getLogger("test_task"))
    caplog.set_level(logging.INFO, "test_task")
    return caplog


@pytest.fixture(scope="session")
def dag() -> Any:
    """Parse the DAG."""
    return DagBag(dag_folder=REPOSITORY / "dags" / f"{DAG_ID}.py").dags[DAG_ID]


@pytest.fixture
def make_task(dag: Any) -> Callable[..., Any]:
    """Return a function that prepares a task's operator for a run, with some fields replaced."""

    def make(task_id: str, context: dict[str, Any] | None = None, **fields: Any) -> Any:
        task = dag.get_task(task_id).prepare_for_execution()
        for name, value in fields.items():
            setattr(task, name, value)
        if context is not None:
            task.render_template_fields(context)
        return task

    return make


class TaskStateStore(dict[str, Any]):
    """Airflow's state of a task instance, which its next tries see."""

    set = dict.__setitem__

    def delete(self, key: str) -> None:
        """Delete a key, if it exists."""
        self.pop(key, None)


@pytest.fixture
def make_context() -> Callable[..., dict[str, Any]]:
    """Return a function that creates the context of a run of the window [2023-12-18, 2023-12-20)."""

    def make(
        *,
        force: bool = False,
        reload: bool = False,
        clear_number: int = 0,
        run_id: str = "run_1",
        sources: tuple[str, ...] = ("binance",),
        **results: Any,
    ) -> dict[str, Any]:
        results.setdefault("resolve_window.expected_markets", [])
        window = {"window_start": WINDOW.start.isoformat(), "window_end": WINDOW.end.isoformat()}
        return {
            "ti": TaskInstance({"resolve_window": [{"source": name} | window for name in sources]} | results),
            "dag_run": SimpleNamespace(
                dag_id=DAG_ID, run_id=run_id, clear_number=clear_number, conf={}, triggering_user_name="ada"
            ),
            "dag": SimpleNamespace(
                fileloc=str(REPOSITORY / "dags" / f"{DAG_ID}.py"),
                params={"day": None, "force": False, "reload": False},
            ),
            "params": {
                "force": force,
                "reload": reload,
                "accepted_sources": [],
                "accepted_because": None,
                "load_record": None,
            },
            "outlet_events": OutletEventAccessors(),
            "task_state_store": TaskStateStore(),
        }

    return make


@pytest.fixture
def interrupted_on_kill() -> Callable[[Any], None]:
    """Return a function that kills a trigger as the triggerer does, which cancels a slow ``on_kill`` after a second."""

    async def kill(trigger: Any) -> None:
        killed = asyncio.create_task(trigger.on_kill())
        await asyncio.sleep(0)
        killed.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await killed
        # The triggerer's event loop runs on.
        await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()})

    return lambda trigger: asyncio.run(kill(trigger))


@pytest.fixture
def use_settings(monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, Any]], None]:
    """Return a function that sets the Airflow Variable with the settings."""

    def use(settings: dict[str, Any]) -> None:
        monkeypatch.setenv("AIRFLOW_VAR_CRYPTO_PRICES_SETTINGS", json.dumps(settings))

    return use


@pytest.fixture
def aws(local_aws: Any, monkeypatch: pytest.MonkeyPatch, use_settings: Callable[[dict[str, Any]], None]) -> Any:
    """Connect Airflow's default AWS connection to the local AWS, and set the settings for it.

    The result's ``change`` changes keys of the settings.
    """
    _connect(local_aws, monkeypatch)
    settings = _provisioned_settings(local_aws)

    def change(**changes: Any) -> None:
        settings.update(changes)
        use_settings(settings)

    change()
    return SimpleNamespace(client=local_aws.client, names=local_aws.names, change=change)


@pytest.fixture
def empty_warehouse(local_aws: Any, aws: Any) -> RedshiftDataClient:
    """Create a warehouse without migrations. The settings refer to its database."""
    aws.change(redshift_database=_new_database(local_aws))
    return warehouse_of(load_settings())


@pytest.fixture(scope="session")
def migrated_database(local_aws: Any) -> str:
    """Create a database with all migrations, and return its name."""
    name = _new_database(local_aws)
    settings = _provisioned_settings(local_aws) | {"redshift_database": name}
    with pytest.MonkeyPatch.context() as patched:
        _connect(local_aws, patched)
        migrations = sorted((REPOSITORY / "sql" / "migrations").glob("*.sql"))
        warehouse = warehouse_of(parse_settings(json.dumps(settings)))
        # A batch has at most 40 statements.
        for first in range(0, len(migrations), 40):
            warehouse.execute_batch([migration.read_text() for migration in migrations[first : first + 40]])
    return name


@pytest.fixture
def warehouse(aws: Any, migrated_database: str) -> RedshiftDataClient:
    """Return a warehouse with the schema and no rows. The settings refer to its database."""
    aws.change(redshift_database=migrated_database)
    made = warehouse_of(load_settings())
    made.execute_batch(["DELETE FROM crypto.fact_crypto_prices", "DELETE FROM crypto.etl_metadata"])
    return made


def warehouse_of(settings: Settings, **options: Any) -> RedshiftDataClient:
    """Return a client for the warehouse of the settings, through Airflow's default AWS connection."""
    return RedshiftDataClient(
        RedshiftDataHook().conn,
        workgroup=settings.redshift_workgroup,
        database=settings.redshift_database,
        secret_arn=settings.redshift_secret_arn,
        **options,
    )


def _connect(local_aws: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (local_aws.environment() | {"AIRFLOW_CONN_AWS_DEFAULT": "aws://"}).items():
        monkeypatch.setenv(name, value)


def _provisioned_settings(local_aws: Any) -> dict[str, Any]:
    secret = local_aws.client("secretsmanager").get_secret_value(SecretId=local_aws.names["settings_secret"])
    settings: dict[str, Any] = json.loads(secret["SecretString"])
    return settings


def _new_database(local_aws: Any) -> str:
    name = f"operators_{next(_numbers)}"
    local_aws.client("redshift-serverless").create_namespace(namespaceName=name.replace("_", "-"), dbName=name)
    return name


@dataclass
class Catalog:
    """A table of the Glue catalog."""

    glue: Any
    database: str
    table: str

    def publish(self, day: str, job_run_id: str | None) -> None:
        """Add the partition of a day. Without a job run id, it looks like another client's partition."""
        self.glue.create_partition(
            DatabaseName=self.database,
            TableName=self.table,
            PartitionInput={
                "Values": day.split("-"),
                "StorageDescriptor": {"Location": f"s3://lake/{day}"},
                "Parameters": {} if job_run_id is None else {"job_run_id": job_run_id},
            },
        )


@pytest.fixture
def catalog(aws: Any) -> Iterator[Catalog]:
    """Create an empty catalog table. The settings refer to it."""
    glue, table = aws.client("glue"), f"prices_{next(_numbers)}"
    database = aws.names["catalog_database"]
    keys = [{"Name": name, "Type": "string"} for name in ("year", "month", "day")]
    glue.create_table(DatabaseName=database, TableInput={"Name": table, "PartitionKeys": keys, "StorageDescriptor": {}})
    aws.change(catalog_table=table)
    yield Catalog(glue, database, table)
    glue.delete_table(DatabaseName=database, Name=table)


def fetched(source: str = "binance", content_hash: str = "h1", records: int = 48) -> FetchedSource:
    """Return the result of fetch_prices."""
    uri = f"s3://lake/raw/{source}/manifest.json"
    return FetchedSource(source, "1h", uri, content_hash, records, ["BTC/USDT"], [], {})


def batch(*sources: FetchedSource, run_id: str = "run_1") -> Batch:
    """Return the batch of a run."""
    return Batch.of_run(DAG_ID, run_id, WINDOW, list(sources or [fetched()]))


def report(of: Batch, job_run_id: str = "jr_1", **changes: Any) -> dict[str, Any]:
    """Return a curation report of a batch whose candles were all curated."""
    return {
        "report_version": REPORT_VERSION,
        "batch_id": of.attempt_id(1),
        "job_run_id": job_run_id,
        "code_digest": "d" * 64,
        "raw_manifests": [each.raw_manifest for each in of.sources],
        "sources": {
            each.source: {"fetched": each.records, "curated": each.records, "quarantined": {}, "duplicates": 0}
            for each in of.sources
        },
        "refused": [],
        "copy_manifest": {
            "uri": f"s3://lake/curated/_manifests/{job_run_id}/copy_manifest.json",
            "version_id": None,
            "etag": "e" * 32,
            "sha256": "a" * 64,
        },
        "curated_files": [],
        "quarantine": None,
        "window": {"start": of.window_start, "end": of.window_end},
        "days": {day: day_version(day, job_run_id) for day in ("2023-12-18", "2023-12-19")},
        "row_rules": [],
        "quarantined_candles": [],
    } | changes


def day_version(day: str, job_run_id: str = "jr_1", **markets: str) -> dict[str, Any]:
    """Return a day of a curation report. ``markets`` are the carried-over ones of Binance, with their origins."""
    year, month, number = day.split("-")
    folder = f"year={year}/month={month}/day={number}"
    return {
        "location": f"s3://lake/curated/crypto_prices/version={job_run_id}/{folder}/",
        "curated": 24,
        "carried_over": 24 * len(markets),
        "markets": {"binance/1h/BTC/USDT": job_run_id}
        | {f"binance/1h/{symbol}/USDT": origin for symbol, origin in markets.items()},
    }


LOAD_COLUMNS = (
    "batch_id", "source", "candle_interval", "window_start", "window_end", "content_hash", "raw_manifest",
    "glue_job_run_id", "copy_manifest", "dag_id", "run_id", "status", "rows_fetched", "rows_quarantined",
    "rows_duplicate", "rows_curated", "rows_staged", "rows_merged", "rows_in_window", "loaded_at", "recorded_at",
    "load_number", "markets", "rows_removed", "rows_owned", "fetched_at",
)  # fmt: skip


def insert_load(values: Sequence[Any]) -> list[str]:
    """Return the statements that insert a load into etl_metadata, and its markets into market_sets.

    Trailing ``LOAD_COLUMNS`` may be left out. ``markets`` are separated by commas; the default is BTC/USDT.
    """
    given = dict(zip(LOAD_COLUMNS, values, strict=False))
    markets = given.pop("markets", "BTC/USDT").split(",")
    given |= {"market_set": market_set_name(markets), "market_total": len(markets)}
    return [
        *insert_market_set(markets),
        f"INSERT INTO crypto.etl_metadata ({', '.join(given)}) VALUES ({', '.join(map(sql_literal, given.values()))})",
    ]


def insert_market_set(markets: Sequence[str]) -> list[str]:
    """Return the statements that insert the set of some markets into market_sets, if it is not there."""
    name = market_set_name(markets)
    rows = ", ".join(f"({', '.join(map(sql_literal, (name, *market.split('/'))))})" for market in markets)
    return [
        f"DELETE FROM crypto.market_sets WHERE market_set = {sql_literal(name)}",
        f"INSERT INTO crypto.market_sets (market_set, symbol, quote_currency) VALUES {rows}",
    ]
