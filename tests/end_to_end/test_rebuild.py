"""The rebuild drill: drop warehouse, catalog and curated zone, and rebuild all of it from raw zone and load records.

Loads, a restatement, a removal and a load of one market of several days run in a real Airflow, and so does the rebuild.
"""

import json
from datetime import date

import pytest
import requests

from local_platform.names import SETTINGS_SECRET
from tests.support.bench_runs import Since, assert_green, log_of, wait
from tests.support.long_tests import takes_long

pytestmark = [pytest.mark.timeout(5400), takes_long]

DAILY, WINDOW, BACKFILL, MARTS = (f"crypto_prices_{name}" for name in ("daily", "window", "backfill", "marts"))
DAY, END = date(2023, 5, 4), date(2023, 5, 6)
ONE_DAY = {"day": DAY.isoformat(), "reload": True}
TWO_DAYS = {"start": DAY.isoformat(), "end": END.isoformat(), "symbols": ["ETHUSDT"], "force": True}

# Glue runs are new, and so are times at which something was noted or refreshed.
NEW = {
    "copy_manifest",
    "glue_job_run_id",
    "recorded_at",
    "noted_at",
    "assessed_at",
    "through_load",
    "refreshed_at",
    "rebuilt_from",
}
TABLES = (
    *("fact_crypto_prices", "price_versions", "price_history", "restatements", "load_log", "load_counter"),
    *("market_sets", "etl_metadata", "candle_gaps", "data_quality_results"),
    *("daily_prices", "price_statistics", "quote_rates", "venue_prices", "consensus_prices", "sources", "assets"),
)


def state(bench):
    """Return all rows that a rebuild restores, by table."""
    found = {
        table: sorted(
            (
                {name: value for name, value in row.items() if name not in NEW}
                for row in bench.warehouse.rows(f"SELECT * FROM crypto.{table}")
            ),
            key=repr,
        )
        for table in TABLES
    }
    return found | {"checksum": bench.warehouse.answer("queries/fact_checksum.sql")}


def differences(found, expected):
    """Return the values that differ, as found and as expected, by table, row and column."""
    return {
        (name, number, column): (row[column], other[column])
        for name in expected
        if found[name] != expected[name]
        for number, (row, other) in enumerate(zip(found[name], expected[name], strict=True))
        for column in other
        if row[column] != other[column]
    }


def published(bench):
    """Return the number of rows and the markets of each day in the catalog."""
    names = bench.names
    pages = (
        bench.client("glue")
        .get_paginator("get_partitions")
        .paginate(DatabaseName=names.catalog_database, TableName=names.catalog_table)
    )
    return {
        "-".join(partition["Values"]): (partition["Parameters"]["rows"], partition["Parameters"]["batch_id"])
        for page in pages
        for partition in page["Partitions"]
    }


def run(bench, dag_id, run_id, **conf):
    bench.api.trigger(dag_id, run_id=run_id, conf=conf)
    assert_green(bench, dag_id, run_id)


def records(bench):
    listed = bench.client("s3").list_objects_v2(Bucket=bench.names.bucket, Prefix="loads/").get("Contents", [])
    return {item["Key"]: item["ETag"] for item in listed}


def drop_everything_but_raw(bench):
    """Drop the warehouse, the catalog's table, and the curated zone. Terraform creates the table again."""
    for schema in ("crypto_views", "crypto"):
        bench.warehouse.change(f"DROP SCHEMA {schema} CASCADE")
    names, glue, s3 = bench.names, bench.client("glue"), bench.client("s3")
    table = glue.get_table(DatabaseName=names.catalog_database, Name=names.catalog_table)["Table"]
    glue.delete_table(DatabaseName=names.catalog_database, Name=names.catalog_table)
    kept = ("Name", "Description", "StorageDescriptor", "PartitionKeys", "TableType", "Parameters")
    definition = {name: table[name] for name in kept if name in table}
    glue.create_table(DatabaseName=names.catalog_database, TableInput=definition)
    for prefix in ("curated/", "quarantine/"):
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=names.bucket, Prefix=prefix):
            for item in page.get("Contents", []):
                s3.delete_object(Bucket=names.bucket, Key=item["Key"])


def forget_a_market(bench):
    """Leave ETHUSDT out of the settings, as if the exchange had delisted it."""
    secrets = bench.client("secretsmanager")
    settings = json.loads(secrets.get_secret_value(SecretId=SETTINGS_SECRET)["SecretString"])
    settings["sources"]["binance"]["symbols"] = ["BTCUSDT"]
    secrets.put_secret_value(SecretId=SETTINGS_SECRET, SecretString=json.dumps(settings))


@pytest.fixture(scope="module")
def before(bench):
    """Load, restate, remove, and return what readers see."""
    faults = f"{bench.names.endpoint}/exchange/_faults"
    run(bench, DAILY, "first", **ONE_DAY)
    restated = {"kind": "restated_rows", "source": "binance", "symbol": "BTCUSDT", "hour": 7, "times": None}
    requests.put(faults, json={"faults": [restated]}, timeout=10).raise_for_status()
    run(bench, DAILY, "restated", **ONE_DAY)
    bench.warehouse.change(
        "LOCK crypto.load_lock",
        f"CALL crypto.remove_candles('binance', 'BTC', 'USDT', '1h', '{DAY} 03:00', '{DAY} 05:00', 'test trades')",
    )
    # Its record also leaves that of the removal, and its version keeps the other market.
    run(bench, WINDOW, "two-days", **TWO_DAYS)
    run(bench, MARTS, "before")
    return state(bench), published(bench), records(bench)


def test_each_load_and_removal_leaves_a_record(bench, before):
    state_before, _, written = before
    assert sorted(written) == [f"loads/{number:012d}.json" for number in range(1, 5)]
    assert [row["load_number"] for row in state_before["load_log"]] == [1, 2, 3, 4]
    assert len(state_before["price_versions"]) == 3
    assert state_before["restatements"]


def test_the_rebuild_restores_everything_without_a_request(bench, before):
    drop_everything_but_raw(bench)
    forget_a_market(bench)
    requests.delete(f"{bench.names.endpoint}/exchange/_requests", timeout=10)
    since = Since(bench)
    run(bench, BACKFILL, "plan", from_raw=True, dry_run=True)
    assert since.operations({"StartJobRun"}) == {}
    run(bench, BACKFILL, "rebuild", from_raw=True)
    assert since.operations({"StartJobRun"}) == {"StartJobRun": 3}
    run(bench, MARTS, "after")
    assert requests.get(f"{bench.names.endpoint}/exchange/_requests", timeout=10).json()["total"] == 0
    state_before, published_before, records_before = before
    found = state(bench)
    assert differences(found, state_before) == {}
    assert published(bench) == published_before
    assert records(bench) == records_before


def test_a_second_rebuild_has_nothing_to_do(bench, before):
    since = Since(bench)
    run(bench, BACKFILL, "again", from_raw=True)
    assert since.operations({"StartJobRun"}) == {}


def test_a_changed_record_stops_the_rebuild(bench, before):
    key = "loads/000000000002.json"
    s3, bucket = bench.client("s3"), bench.names.bucket
    content = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    s3.put_object(Bucket=bucket, Key=key, Body=content.replace(b'"forced": false', b'"forced": true'))
    bench.api.trigger(BACKFILL, run_id="forged", conf={"from_raw": True})
    assert wait(bench, BACKFILL, "forged")["state"] == "failed"
    (task,) = [task for task in bench.api.task_instances(BACKFILL, "forged") if task["task_id"] == "plan_backfill"]
    assert "one of load records 2 and 3 was changed" in log_of(bench, BACKFILL, "forged", task)
    s3.put_object(Bucket=bucket, Key=key, Body=content)


def test_without_records_the_newest_manifests_are_loaded_and_labelled(bench, before):
    for key in records(bench):
        bench.client("s3").delete_object(Bucket=bench.names.bucket, Key=key)
    drop_everything_but_raw(bench)
    run(bench, BACKFILL, "approximate", from_raw=True)
    log = bench.warehouse.rows("SELECT DISTINCT rebuilt_from FROM crypto.load_log")
    assert log == [{"rebuilt_from": "manifest"}]
    # The removed candles are back, because the raw zone does not know of the removal.
    counted = "SELECT symbol, COUNT(*) AS row_total FROM crypto.fact_crypto_prices GROUP BY symbol ORDER BY symbol"
    assert bench.warehouse.rows(counted) == [
        {"symbol": "BTC", "row_total": 24}, {"symbol": "ETH", "row_total": 48}
    ]  # fmt: skip
