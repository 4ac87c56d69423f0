"""A world with loads to explain: two days of Binance, one of them restated and reloaded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from airflow.dag_processing.dagbag import DagBag

from local_aws.redshift.warehouse import Warehouse
from tests.support.data_api import BUCKET, data_api_client
from tests.support.receipt_world import BTC, ETH, OMITTED_HOUR, RELOADED_DAY, World
from tests.support.window_loads import DAG_ID

REPOSITORY = Path(__file__).parents[4]


@pytest.fixture(scope="package")
def world(starts_warehouse: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Yield a world with loads and removals.

    Load 1 has the close 43811.90 of 13:00, load 2 restates it, load 3 confirms it, and load 4 is of the next day.
    Number 5 removes a candle. Load 6 is of another day, number 7 removes a candle of it, and load 8 loads it again
    without the candle. Load 9 is of a third day.
    """
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        endpoint = "http://{}:{}".format(*server.get_host_and_port())
        names = {"region_name": "us-east-1", "aws_access_key_id": "test", "aws_secret_access_key": "test"}
        s3 = boto3.client("s3", endpoint_url=endpoint, **names)
        s3.create_bucket(Bucket=BUCKET)
        s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        dag = DagBag(dag_folder=REPOSITORY / "dags" / f"{DAG_ID}.py").dags[DAG_ID]
        with Warehouse(tmp_path_factory.mktemp("receipts") / "warehouse") as warehouse:
            warehouse.ensure_database("crypto")
            with data_api_client(warehouse, lambda _user, _role: s3, lambda _user, _arn: None) as client:
                for migration in sorted((REPOSITORY / "sql" / "migrations").glob("*.sql")):
                    client.ok(migration.read_text())
                made = World(s3, client, dag)
                made.load({BTC: "43811.90", ETH: "43050.25"}, fetched="2024-01-06T00:01:09Z")
                made.load({BTC: "43812.34", ETH: "43050.25"}, fetched="2024-01-07T00:01:09Z")
                made.load({BTC: "43812.34", ETH: "43050.25"}, fetched="2024-01-08T00:01:09Z")
                made.load({BTC: "43900.00"}, day="2024-01-06", fetched="2024-01-08T01:01:09Z")
                made.remove(20, "a test print", removed="2024-01-08T01:30:00Z")
                made.load({BTC: "43900.00"}, day=RELOADED_DAY, fetched="2024-01-09T00:01:09Z")
                made.remove(20, "an outage", day=RELOADED_DAY, removed="2024-01-09T01:30:00Z")
                omitted = (OMITTED_HOUR, 20)
                made.load({BTC: "43900.00"}, day=RELOADED_DAY, fetched="2024-01-09T02:01:09Z", omitted=omitted)
                made.load({BTC: "43900.00"}, day="2024-01-07", fetched="2024-01-09T03:01:09Z")
                yield made
    finally:
        server.stop()
