"""Records of loads and removals, alone and in a chain."""

from dataclasses import replace

from crypto_prices_contract.load_record import (
    Acceptance,
    Code,
    Counts,
    LoadRecord,
    PreviousRecord,
    RecordedSource,
    Removal,
    record_digest,
)
from crypto_prices_contract.stored_objects import CuratedFile, StoredDocument, StoredObject
from crypto_prices_contract.window import Window

LOAD = LoadRecord(
    load_number=2,
    kind="load",
    batch_id="20231218-20231219-9f3c1a77be20d4e1-1",
    window=Window.parse("2023-12-18", "2023-12-19"),
    merged_at="2023-12-19T00:03:41Z",
    visible_at="2023-12-19T00:03:58Z",
    forced=False,
    rebuilt_from=None,
    dag_id="crypto_prices_daily",
    run_id="scheduled__2023-12-18T00:00:00+00:00",
    code=Code(dags="a" * 64, plugins="b" * 64, glue="c" * 64),
    rules={"max_rejected_share": 0.01, "row_rules": {}, "market_rules": {}},
    glue_job_run_id="jr_1",
    sources=(
        RecordedSource(
            source="binance",
            candle_interval="1h",
            market_set="d" * 64,
            markets=("BTC/USDT", "ETH/USDT"),
            fetched_at="2023-12-19T00:01:09.125Z",
            content_hash="e" * 64,
            raw_manifest=StoredDocument("s3://lake/raw/manifest.json", "v1", "f" * 32, "0" * 64),
            objects=(StoredObject("s3://lake/raw/BTCUSDT-0001.json.gz", None, "1" * 32),),
            counts=Counts(fetched=48, curated=47, quarantined=1, duplicates=0),
            accepted=Acceptance(by="ann", because="known outage"),
        ),
    ),
    copy_manifest=StoredDocument("s3://lake/curated/_manifests/jr_1/copy_manifest.json", "v2", "2" * 32, "3" * 64),
    curated=(CuratedFile("s3://lake/curated/part-0.parquet", "v3", "4" * 32, 4821, 47),),
    removal=None,
    previous=PreviousRecord(1, "5" * 64),
)
REMOVAL = replace(
    LOAD,
    kind="removal",
    batch_id="removal-2",
    dag_id=None,
    run_id=None,
    code=None,
    rules=None,
    glue_job_run_id=None,
    sources=(
        replace(
            LOAD.sources[0],
            markets=("BTC/USDT",),
            fetched_at=None,
            content_hash=None,
            raw_manifest=None,
            objects=(),
            counts=None,
            accepted=None,
        ),
    ),
    copy_manifest=None,
    curated=(),
    removal=Removal("2023-12-18T05:00:00Z", "2023-12-18T07:00:00Z", 2, "admin", "the exchange's clock was wrong"),
)

FIRST = replace(LOAD, load_number=1, batch_id="b-1", previous=None)
SECOND = replace(LOAD, batch_id="b-2", previous=PreviousRecord(1, record_digest(FIRST.to_bytes())))
THIRD = replace(REMOVAL, load_number=3, previous=PreviousRecord(2, record_digest(SECOND.to_bytes())))
"""Two loads and a removal. Each names the hash of the one before."""
