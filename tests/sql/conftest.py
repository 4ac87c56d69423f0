"""A warehouse whose schema comes from sql/migrations."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from airflow.dag_processing.dagbag import DagBag

from local_aws.redshift.warehouse import Warehouse
from tests.support.data_api import Client, statements_client
from tests.support.window_loads import DAG_ID, Candle, Load

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def dag() -> Any:
    """Return the DAG whose tasks use the SQL files."""
    return DagBag(dag_folder=REPOSITORY / "dags" / f"{DAG_ID}.py").dags[DAG_ID]


@pytest.fixture(scope="session")
def warehouse(starts_warehouse: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    """Yield an embedded PostgreSQL behind the local Redshift."""
    with Warehouse(tmp_path_factory.mktemp("sql") / "warehouse") as started:
        started.ensure_database("crypto")
        yield started


@pytest.fixture(scope="session")
def session_client(warehouse: Warehouse) -> Iterator[Client]:
    """Yield a Data API client of a warehouse with all migrations applied."""
    with statements_client(warehouse) as client:
        for migration in sorted((REPOSITORY / "sql" / "migrations").glob("*.sql")):
            client.ok(migration.read_text())
        yield client


@pytest.fixture
def client(session_client: Client) -> Client:
    """Return the client after emptying the tables."""
    tables = (
        *("fact_crypto_prices", "etl_metadata", "candle_gaps", "data_quality_results", "expected_markets"),
        *("load_log", "price_versions"),
    )
    reset = "UPDATE crypto.load_counter SET last_load_number = 0"
    session_client.batch(*(f"DELETE FROM crypto.{table}" for table in tables), reset)
    return session_client


@pytest.fixture
def make_load(client: Client, dag: Any) -> Iterator[Callable[..., Load]]:
    """Return a function that creates a load, for a new DAG run unless one is given."""
    numbers = itertools.count(1)
    made: list[Load] = []

    def make(loaded: list[Candle], run_id: str = "", **options: Any) -> Load:
        made.append(Load(client, dag, run_id or f"run_{next(numbers)}", loaded, **options))
        return made[-1]

    yield make
    outcome = client.batch(*(load.sql("drop_staging")[0] for load in made))
    assert outcome.error is None, outcome.error
