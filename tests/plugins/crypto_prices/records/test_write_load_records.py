"""WriteLoadRecordsOperator with a warehouse and a lake of the local AWS."""

import json
from dataclasses import replace
from itertools import pairwise

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException
from crypto_prices.market_sets import market_set_name
from crypto_prices.xcom.replay import Replay
from crypto_prices_contract.load_record import LoadRecord, record_digest
from crypto_prices_contract.s3_keys import load_record_key

from tests.support.load_records import LOAD
from tests.support.raw_manifests import MANIFEST
from tests.support.tasks import batch, insert_market_set, report

BTC = market_set_name(["BTC/USDT"])
LOG = (
    "load_number, source, batch_id, window_start, window_end, market_set, candle_interval, fetched_at, merged_at, "
    "visible_at, forced, raw_manifest, content_hash, copy_manifest, glue_job_run_id, dag_id, run_id, dags_digest, "
    "plugins_digest, glue_digest, rules"
)
RULES = '{"max_rejected_share": 0.01, "row_rules": {}, "market_rules": {}}'


@pytest.fixture
def lake(aws):
    """The lake's bucket without load records, and with a raw manifest."""
    s3, bucket = aws.client("s3"), aws.names["bucket"]
    for item in s3.list_objects_v2(Bucket=bucket, Prefix="loads/").get("Contents", []):
        s3.delete_object(Bucket=bucket, Key=item["Key"])
    s3.put_object(Bucket=bucket, Key="raw/m.json", Body=json.dumps(MANIFEST.to_json()).encode())
    return s3


@pytest.fixture
def log(warehouse, aws):
    """Return a function that adds a load to the log."""
    warehouse.execute_batch(
        ["DELETE FROM crypto.load_log", "DELETE FROM crypto.price_versions", *insert_market_set(["BTC/USDT"])]
    )

    def add(number, batch_id="b", *, manifest="raw/m.json", visible="'2023-12-20 00:03:58'"):
        uri = f"s3://{aws.names['bucket']}/{manifest}"
        warehouse.execute_batch([
            f"INSERT INTO crypto.load_log ({LOG}) VALUES ({number}, 'binance', '{batch_id}-{number}', '2023-12-18', "
            f"'2023-12-20', '{BTC}', '1h', '2023-12-20 00:01:00.5', '2023-12-20 00:03:41', {visible}, FALSE, '{uri}', "
            f"'h', 's3://lake/c.json', 'jr_{number}', 'crypto_prices_daily', 'r{number}', 'd', 'p', 'g', '{RULES}')"
        ])  # fmt: skip

    return add


@pytest.fixture
def write(aws, lake, log, make_task, make_context):
    """Return a function that runs the task, and returns the records in the lake, in order."""

    def run(of=None):
        planned = of or batch()
        context = make_context(plan_load=planned.as_xcom(), read_curation_report=report(batch(), "jr_1"))
        make_task("write_load_records").execute(context)
        return written(aws, lake)

    return run


def written(aws, lake):
    listed = lake.list_objects_v2(Bucket=aws.names["bucket"], Prefix="loads/").get("Contents", [])
    bodies = [lake.get_object(Bucket=aws.names["bucket"], Key=item["Key"])["Body"].read() for item in listed]
    return [LoadRecord.from_bytes(item["Key"], body) for item, body in zip(listed, bodies, strict=True)]


def test_a_load_leaves_its_record_and_a_retry_the_same(aws, lake, log, write):
    log(1)
    (record,) = write()
    assert (record.load_number, record.batch_id, record.previous) == (1, "b-1", None)
    assert record.sources[0].markets == ("BTC/USDT",)
    assert record.sources[0].counts.curated == 48
    assert [stored.uri for stored in record.sources[0].objects] == [
        each.uri for each in (*MANIFEST.objects, *MANIFEST.listings)
    ]
    before = lake.head_object(Bucket=aws.names["bucket"], Key=load_record_key(1))
    assert write() == [record]
    assert (
        lake.head_object(Bucket=aws.names["bucket"], Key=load_record_key(1))["LastModified"] == before["LastModified"]
    )


def test_the_next_load_writes_what_a_crash_and_a_removal_left_out(log, warehouse, write):
    """The run of load 2 ended between its commit and this task, and a removal has no task."""
    log(1)
    write()
    log(2)
    versions = ", ".join(
        f"('binance', 'BTC', 'USDT', '1h', '2023-12-18 0{hour}:00', 's3://x', '2023-12-20', 'b-1', 1, 3, 'removed')"
        for hour in (3, 4)
    )
    warehouse.execute_batch([
        "INSERT INTO crypto.load_log (load_number, source, batch_id, window_start, window_end, market_set, "
        "candle_interval, merged_at, visible_at, forced, removed_by, removed_because) VALUES "
        f"(3, 'binance', 'removal-3', '2023-12-18', '2023-12-19', '{BTC}', '1h', '2023-12-21', '2023-12-21', TRUE, "
        "'admin', 'wrong')",
        "INSERT INTO crypto.price_versions (source, symbol, quote_currency, candle_interval, observed_at, raw_object, "
        f"ingested_at, batch_id, valid_from_load, valid_to_load, closed_as) VALUES {versions}",
    ])  # fmt: skip
    log(4)
    # Merged, but not known to be committed.
    log(5, visible="NULL")
    records = write()
    assert [(record.load_number, record.kind) for record in records] == [
        (1, "load"), (2, "load"), (3, "removal"), (4, "load")
    ]  # fmt: skip
    removal = records[2].removal
    assert (removal.removed_from, removal.removed_until, removal.candles) == (
        "2023-12-18T03:00:00Z", "2023-12-18T05:00:00Z", 2
    )  # fmt: skip
    for before, record in pairwise(records):
        assert record.previous.sha256 == record_digest(before.to_bytes())


def test_what_is_missing_in_the_lake_is_not_invented(log, write, task_log):
    log(2, manifest="raw/gone.json")
    log(1)
    records = write()
    assert records[1].sources[0].raw_manifest.sha256 is None
    # Only the report of the run's own load is at hand.
    assert (records[0].sources[0].counts is None, records[1].sources[0].counts) == (False, None)
    assert "raw/gone.json is missing" in task_log.text
    assert "jr_2/curation_report.json is missing" in task_log.text


def test_a_new_warehouse_beside_old_records_is_noticed(log, warehouse, write):
    log(1)
    write()
    warehouse.execute_batch(["DELETE FROM crypto.load_log"])
    log(1, batch_id="new")
    with pytest.raises(AirflowFailException, match=r"batch b-1, .*batch new-1.* another warehouse. Rebuild"):
        write()


def test_the_chain_does_not_go_on_from_a_record_of_another_warehouse(log, warehouse, write):
    log(1)
    write()
    warehouse.execute_batch(["DELETE FROM crypto.load_log"])
    log(1, batch_id="new")
    log(2, batch_id="new")
    with pytest.raises(AirflowFailException, match=r"000000000001.json is the record of batch b-1"):
        write()


def test_the_replay_of_a_load_leaves_its_record_alone(log, write):
    log(1)
    source = replace(LOAD.sources[0], counts=None)
    record = replace(LOAD, batch_id=batch().attempt_id(1), sources=(source,))
    replayed = batch().replaying(Replay.of_record(record))
    assert write(replayed) == []
