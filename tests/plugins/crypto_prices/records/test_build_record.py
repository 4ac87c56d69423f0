from dataclasses import replace
from datetime import timedelta

from crypto_prices.records.build_record import Log, ReadManifest, build_record
from crypto_prices_contract.load_record import Counts, PreviousRecord, Removal, record_digest
from crypto_prices_contract.stored_objects import CuratedFile, StoredDocument

from tests.support.curation_reports import REPORT
from tests.support.raw_manifests import MANIFEST

ROW = {
    "load_number": 2,
    "source": "binance",
    "batch_id": "b-1",
    "window_start": "2023-12-18",
    "window_end": "2023-12-19",
    "market_set": "s1",
    "candle_interval": "1h",
    "fetched_at": "2023-12-19 00:01:02.5",
    "merged_at": "2023-12-19 00:03:41",
    "visible_at": "2023-12-19 00:03:58",
    "forced": False,
    "raw_manifest": MANIFEST.uri,
    "content_hash": "c" * 64,
    "copy_manifest": "s3://lake/m.json",
    "glue_job_run_id": "jr_1",
    "dag_id": "crypto_prices_daily",
    "run_id": "r1",
    "dags_digest": "1" * 64,
    "plugins_digest": "2" * 64,
    "glue_digest": "3" * 64,
    "rules": '{"max_rejected_share": 0.01, "row_rules": {}, "market_rules": {}}',
    "accepted_by": None,
    "accepted_because": None,
    "rebuilt_from": None,
    "removed_by": None,
    "removed_because": None,
}
MARKETS = {"s1": ["BTC/USDT", "JTO/USDT"], "s2": ["BTC/USD"]}
HOUR = timedelta(hours=1)
STORED = StoredDocument(MANIFEST.uri, "v1", "e" * 32, "f" * 64)
READ = {MANIFEST.uri: ReadManifest(STORED, MANIFEST)}


def test_a_load_has_a_source_for_each_row_of_the_log_and_the_versions_of_its_objects():
    other = ROW | {"source": "coinbase", "market_set": "s2", "raw_manifest": "s3://lake/gone", "accepted_by": "ann",
                   "accepted_because": "an outage"}  # fmt: skip
    files = (CuratedFile("s3://lake/p.parquet", "v2", "d" * 32, 4821, 23),)
    gone = ReadManifest(StoredDocument("s3://lake/gone", None, None, None), None)
    record = build_record(
        Log([ROW, other], MARKETS, None, HOUR), READ | {gone.stored.uri: gone}, replace(REPORT, curated_files=files),
        (1, b"before"),
    )  # fmt: skip
    binance, coinbase = record.sources
    assert (record.merged_at, record.visible_at) == ("2023-12-19T00:03:41Z", "2023-12-19T00:03:58Z")
    assert (binance.markets, binance.raw_manifest, binance.fetched_at) == (
        ("BTC/USDT", "JTO/USDT"), STORED, "2023-12-19T00:01:02.5Z"
    )  # fmt: skip
    assert [(stored.uri, stored.version_id, stored.etag) for stored in binance.objects] == [
        (each.uri, each.version_id, each.etag) for each in (*MANIFEST.objects, *MANIFEST.listings)
    ]
    assert binance.counts == Counts(fetched=26, curated=23, quarantined=2, duplicates=1)
    assert (record.copy_manifest, record.curated) == (REPORT.copy_manifest, files)
    assert record.previous == PreviousRecord(1, record_digest(b"before"))
    # What is missing is not invented.
    assert (coinbase.raw_manifest, coinbase.objects, coinbase.counts) == (gone.stored, (), None)
    assert (coinbase.accepted.by, coinbase.accepted.because) == ("ann", "an outage")


def test_a_load_whose_report_is_missing_still_names_its_copy_manifest():
    record = build_record(Log([ROW], MARKETS, None, HOUR), READ, None, (0, None))
    assert record.copy_manifest == StoredDocument("s3://lake/m.json", None, None, None)
    assert (record.curated, record.sources[0].counts, record.previous) == ((), None, None)


def test_a_removal_has_the_times_of_the_removed_candles():
    of_load = dict.fromkeys(
        ("fetched_at", "raw_manifest", "content_hash", "copy_manifest", "glue_job_run_id", "dag_id", "run_id", "rules",
         "dags_digest", "plugins_digest", "glue_digest"),
    )  # fmt: skip
    row = ROW | of_load | {"removed_by": "admin", "removed_because": "wrong", "forced": True}
    removed = {"first_at": "2023-12-18 05:00:00", "last_at": "2023-12-18 23:00:00", "candles": 2}
    record = build_record(Log([row], MARKETS, removed, HOUR), {}, None, (1, b"before"))
    assert record.removal == Removal("2023-12-18T05:00:00Z", "2023-12-19T00:00:00Z", 2, "admin", "wrong")
    assert (record.kind, record.code, record.copy_manifest, record.sources[0].raw_manifest) == (
        "removal", None, None, None
    )  # fmt: skip
