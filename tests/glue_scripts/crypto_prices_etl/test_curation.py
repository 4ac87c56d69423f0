"""Whole curations over a real S3 protocol, and their results in the lake and in the catalog."""

from __future__ import annotations

import io
import json
import zipfile
from collections import Counter
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import ClassVar

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from crypto_prices.aws.catalog import Catalog, Publication
from crypto_prices.xcom.curation_report import parse_report
from crypto_prices_contract.code_digest import code_digest
from crypto_prices_contract.curation_report import QuarantinedCandles, SourceCounts
from crypto_prices_contract.row_rules import ROW_RULES
from crypto_prices_contract.window import Window
from crypto_prices_etl.curation import curate
from crypto_prices_etl.errors import CurationError, RefusedSourcesError

from bundle.contents import glue_package

REPOSITORY = Path(__file__).parents[3]
DAY_MS = 86_400_000


def day(kline, offset=0, **changes):
    """Return the 24 klines of the day with this offset from 2023-12-18."""
    return [kline(offset * 24 + hour, **changes) for hour in range(24)]


@pytest.fixture(scope="module")
def catalog(lake):
    """The catalog table, which tests switch like the DAG's task publish_partitions."""
    return Catalog(lake.glue, "crypto", "crypto_prices", write_client=lake.glue)


def publish(catalog, report):
    """Point the catalog at the days of a version."""
    catalog.publish(
        {
            date.fromisoformat(day): Publication(
                found.location, report.job_run_id, report.batch_id, found.rows, found.markets
            )
            for day, found in report.days.items()
        }
    )


def location(report):
    return next(iter(report.days.values())).location


def totals(report):
    """Return the numbers of fetched, curated, quarantined and duplicate records of all sources."""
    counts = report.sources.values()
    return tuple(
        sum(getattr(source, name) for source in counts)
        for name in ("fetched", "curated", "quarantined_total", "duplicates")
    )


def jobs_run(spark, action):
    """Return the action's result and its number of Spark jobs."""
    spark.sparkContext.setJobGroup("counted", "counted")
    try:
        result = action()
        return result, len(spark.sparkContext.statusTracker().getJobIdsForGroup("counted"))
    finally:
        spark.sparkContext.setLocalProperty("spark.jobGroup.id", None)


@pytest.fixture(scope="module")
def clean_run(spark, lake, kline, arguments):
    """The curation of a flawless day of two symbols."""
    manifest = lake.raw({"BTCUSDT": json.dumps(day(kline)), "ETHUSDT": json.dumps(day(kline)), "NEWUSDT": "[]"})
    run = arguments(manifest)
    report, jobs = jobs_run(spark, lambda: curate(spark, lake.s3, lake.glue, run))
    return run, report, jobs


def glue_package_digest():
    """Return the digest of the zip that the bundle deploys, with the contents of its files."""
    with zipfile.ZipFile(io.BytesIO(glue_package(REPOSITORY / "glue_scripts", REPOSITORY / "plugins"))) as package:
        return code_digest({name: package.read(name) for name in package.namelist() if name.endswith(".py")})


def test_the_report_is_the_contract(lake, clean_run):
    run, report, _ = clean_run
    version = f"s3://crypto-prices-lake/curated/crypto_prices/version={run.job_run_id}"
    rules = [
        {"source": "binance", "rule": rule, "action": "quarantine", "checked": 48, "broken": 0} for rule in ROW_RULES
    ]
    document = {
        "report_version": 4,
        "batch_id": "scheduled__2023-12-18",
        "job_run_id": run.job_run_id,
        "code_digest": glue_package_digest(),
        "window": {"start": "2023-12-18", "end": "2023-12-19"},
        "raw_manifests": list(run.raw_manifests),
        "sources": {"binance": {"fetched": 48, "curated": 48, "quarantined": {}, "duplicates": 0}},
        "refused": [],
        "copy_manifest": lake.stored(f"curated/_manifests/{run.job_run_id}/copy_manifest.json"),
        "curated_files": [
            {name: value for name, value in lake.stored(key).items() if name != "sha256"}
            | {"bytes": len(lake.body(key)), "rows": 48}
            for key in lake.keys(f"curated/crypto_prices/version={run.job_run_id}/year=2023/")
        ],
        "quarantine": None,
        "days": {
            "2023-12-18": {
                "location": f"{version}/year=2023/month=12/day=18/",
                "curated": 48,
                "carried_over": 0,
                "markets": {f"binance/1h/{symbol}/USDT": run.job_run_id for symbol in ("BTC", "ETH", "NEW")},
            }
        },
        "row_rules": rules,
        "quarantined_candles": [],
    }
    written = json.loads(lake.body(f"curated/_manifests/{run.job_run_id}/curation_report.json"))
    assert written == document
    assert parse_report(written) == report
    assert json.loads(lake.body(f"curated/_manifests/{run.job_run_id}/quality_report.json")) == {
        name: document[name] for name in ("batch_id", "job_run_id", "window")
    } | {"rules": rules}
    assert lake.keys(f"quarantine/crypto_prices/version={run.job_run_id}/") == []


def test_a_clean_day_takes_one_shuffle_and_one_write(clean_run):
    assert clean_run[2] == 2  # adaptive execution runs the map side of the shuffle as a separate job


def test_the_copy_manifest_lists_each_file_with_its_size(lake, clean_run):
    manifest = json.loads(lake.body(clean_run[1].copy_manifest.uri))
    (entry,) = manifest["entries"]
    assert entry["mandatory"] is True
    assert entry["meta"]["content_length"] == len(lake.body(entry["url"]))
    assert entry["url"].startswith(location(clean_run[1]) + "part-")


def test_the_parquet_files_fit_copy(lake, clean_run):
    (entry,) = json.loads(lake.body(clean_run[1].copy_manifest.uri))["entries"]
    file = pq.ParquetFile(io.BytesIO(lake.body(entry["url"])))
    table = file.read()
    price, instant = pa.decimal128(38, 18), pa.timestamp("us", tz="UTC")
    assert list(zip(table.schema.names, table.schema.types, strict=True)) == [
        ("source", pa.string()), ("symbol", pa.string()), ("quote_currency", pa.string()),
        ("candle_interval", pa.string()), ("observed_at", instant),
        ("open_price", price), ("high_price", price), ("low_price", price), ("close_price", price),
        ("base_volume", price), ("quote_volume", price), ("trade_count", pa.int64()),
        ("market_cap", pa.decimal128(38, 8)), ("raw_object", pa.string()), ("ingested_at", instant),
        ("batch_id", pa.string()),
    ]  # fmt: skip
    assert file.schema.column(4).physical_type == "INT64"  # not INT96
    keys = list(zip(table["symbol"].to_pylist(), table["observed_at"].to_pylist(), strict=True))
    assert keys == sorted(keys)
    assert table["open_price"][0].as_py() == Decimal("42000.100000000000000000")


def test_the_same_manifest_gives_the_same_rows_in_a_new_version(spark, lake, arguments, clean_run):
    first, report, _ = clean_run
    again = curate(spark, lake.s3, lake.glue, arguments(*first.raw_manifests))
    tables = [
        pq.read_table(io.BytesIO(lake.body(json.loads(lake.body(r.copy_manifest.uri))["entries"][0]["url"])))
        for r in (report, again)
    ]
    assert tables[0].equals(tables[1])
    assert location(again) != location(report)


def test_nothing_is_published_before_the_warehouse_has_loaded_it(catalog, clean_run):
    assert catalog.published_days(Window.parse("2023-12-18", "2023-12-19")) == {}


def test_a_version_is_never_written_twice(spark, lake, clean_run):
    before = lake.keys(f"curated/crypto_prices/version={clean_run[0].job_run_id}/")
    with pytest.raises(Exception, match="PATH_ALREADY_EXISTS"):
        curate(spark, lake.s3, lake.glue, clean_run[0])
    assert lake.keys(f"curated/crypto_prices/version={clean_run[0].job_run_id}/") == before


def test_a_month_is_one_write_with_one_file_per_day_and_a_rejected_share_below_the_limit(spark, lake, kline, arguments):
    days = [row for offset in range(40) for row in day(kline, offset)]
    days[0][1] = "12345678901234567890.1234567890123456789"  # 19 decimals
    days.append(kline(24 * 40 - 1))  # a copy of the last
    text = json.dumps(days).replace("], [", "],\n [")
    window = ("2023-12-18", "2024-01-27")
    run = arguments(lake.raw({"BTCUSDT": text}, window=window), window_start=window[0], window_end=window[1])
    report = curate(spark, lake.s3, lake.glue, run)
    assert totals(report) == (961, 959, 1, 1)
    assert [version.rows for version in report.days.values()] == [23] + [24] * 39
    assert list(report.days)[-1] == "2024-01-26"
    entries = json.loads(lake.body(report.copy_manifest.uri))["entries"]
    assert [e["url"].rpartition("/")[0] + "/" for e in entries] == [
        version.location for version in report.days.values()
    ]

    (key,) = [k for k in lake.keys(report.quarantine.removeprefix("s3://crypto-prices-lake/")) if k.endswith(".json")]
    (line,) = [json.loads(line) for line in lake.body(key).splitlines()]
    assert line.pop("raw_object").endswith("/BTCUSDT-0001.json.gz")
    assert line == {
        "reason": "unparseable_open_price",
        "source": "binance",
        "exchange_symbol": "BTCUSDT",
        "symbol": "BTC",
        "quote_currency": "USDT",
        "candle_interval": "1h",
        "observed_at": "2023-12-18T00:00:00.000000Z",
        "record_position": 0,
        "record": json.dumps(days[0]),
        "ingested_at": "2023-12-19T00:05:01.123456Z",
        "batch_id": "scheduled__2023-12-18",
    }


def test_too_many_rejects_fail_after_the_quarantine_and_before_the_report(spark, lake, kline, arguments):
    rows = [*day(kline)[:22], kline(22, open="x"), kline(23, low="-1")]
    run = arguments(lake.raw({"BTCUSDT": json.dumps(rows)}), max_rejected_share="0.04")
    quarantine = f"quarantine/crypto_prices/version={run.job_run_id}/"
    with pytest.raises(CurationError) as failure:
        curate(spark, lake.s3, lake.glue, run)
    assert "2 of 24 records of binance were rejected" in str(failure.value)
    assert '"unparseable_open_price": 1' in str(failure.value)
    assert '"non_positive_price": 1' in str(failure.value)
    assert f"s3://crypto-prices-lake/{quarantine}" in str(failure.value)
    lines = b"".join(lake.body(k) for k in lake.keys(quarantine) if k.endswith(".json")).splitlines()
    assert [json.loads(line)["record_position"] for line in lines] == [22, 23]
    assert lake.keys(f"curated/_manifests/{run.job_run_id}/") == [
        f"curated/_manifests/{run.job_run_id}/quality_report.json"
    ]


def test_a_rule_with_action_fail_fails_the_run_and_reports_all_rules(spark, lake, kline, arguments):
    rows = [*day(kline)[:22], kline(22, open="x"), kline(23, low="-1")]
    rules = "non_positive_price=fail"
    run = arguments(lake.raw({"BTCUSDT": json.dumps(rows)}), max_rejected_share="1", row_rules=rules)
    with pytest.raises(RefusedSourcesError, match=r"^CP-12 .*non_positive_price \(1 of 24 records\)"):
        curate(spark, lake.s3, lake.glue, run)
    (key,) = lake.keys(f"curated/_manifests/{run.job_run_id}/")
    found = json.loads(lake.body(key))["rules"]
    assert {(rule["rule"], rule["action"], rule["broken"]) for rule in found if rule["broken"]} == {
        ("unparseable", "quarantine", 1),
        ("non_positive_price", "fail", 1),
    }


def test_records_that_break_a_warning_rule_are_curated(spark, lake, kline, arguments):
    rows = [*day(kline)[:22], kline(22, volume="-1"), kline(23, volume="-1", open="x")]
    rules = "negative_volume=warn"
    run = arguments(lake.raw({"BTCUSDT": json.dumps(rows)}), max_rejected_share="1", row_rules=rules)
    report = curate(spark, lake.s3, lake.glue, run)
    assert report.sources["binance"].curated == 23
    broken = {result.rule: (result.action, result.broken) for result in report.row_rules if result.broken}
    assert broken == {"negative_volume": ("warn", 1), "unparseable": ("quarantine", 1)}
    assert report.quarantined_candles == (QuarantinedCandles("binance", "1h", "2023-12-18 23:00:00", 1, ("BTC/USDT",)),)


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ({"sha256": "ab" * 32}, "has the sha256"),
        ({"records": 23}, "has 24 records"),
        ({"fetched_at": "soon"}, "has an invalid fetch time"),
    ],
)
def test_an_object_that_differs_from_its_manifest_fails_the_run_and_is_named(
    spark, lake, kline, arguments, fault, message
):
    run = arguments(lake.raw({"BTCUSDT": json.dumps(day(kline))}, **fault))
    with pytest.raises(RefusedSourcesError, match=f"^CP-14 .*{message}") as failure:
        curate(spark, lake.s3, lake.glue, run)
    assert "BTCUSDT-0001.json.gz" in str(failure.value)
    assert lake.keys(f"curated/_manifests/{run.job_run_id}/") == []


def test_a_missing_object_fails_the_run(spark, lake, kline, arguments):
    uri = lake.raw({"BTCUSDT": json.dumps(day(kline)), "ETHUSDT": json.dumps(day(kline))})
    missing = uri.removeprefix("s3://crypto-prices-lake/").replace("manifest.json", "ETHUSDT-0001.json.gz")
    lake.s3.delete_object(Bucket="crypto-prices-lake", Key=missing)
    with pytest.raises(RefusedSourcesError, match=r"^CP-14 1 of 2 raw objects in .*manifest\.json do not exist"):
        curate(spark, lake.s3, lake.glue, arguments(uri))


def test_a_fetch_without_any_of_its_objects_fails_the_run(spark, lake, kline, arguments):
    uri = lake.raw({"BTCUSDT": json.dumps(day(kline))})
    missing = uri.removeprefix("s3://crypto-prices-lake/").replace("manifest.json", "BTCUSDT-0001.json.gz")
    lake.s3.delete_object(Bucket="crypto-prices-lake", Key=missing)
    with pytest.raises(RefusedSourcesError, match=r"^CP-14 1 of 1 raw objects in .*manifest\.json do not exist"):
        curate(spark, lake.s3, lake.glue, arguments(uri))


def test_an_object_that_the_manifest_does_not_name_fails_the_run(spark, lake, kline, arguments):
    uri = lake.raw({"BTCUSDT": json.dumps(day(kline))})
    folder = uri.removeprefix("s3://crypto-prices-lake/").removesuffix("manifest.json")
    lake.s3.copy_object(
        Bucket="crypto-prices-lake",
        CopySource=f"crypto-prices-lake/{folder}BTCUSDT-0001.json.gz",
        Key=f"{folder}BTCUSDT-0002.json.gz",
    )
    with pytest.raises(RefusedSourcesError, match=r"^CP-14 .*BTCUSDT-0002\.json\.gz is not in the manifest"):
        curate(spark, lake.s3, lake.glue, arguments(uri))


def test_other_objects_beside_the_raw_objects_do_no_harm(spark, lake, kline, arguments):
    uri = lake.raw({"BTCUSDT": json.dumps(day(kline))})
    folder = uri.removeprefix("s3://crypto-prices-lake/").removesuffix("manifest.json")
    for name in ("notes.txt", "deeper/BTCUSDT-0002.json.gz"):
        lake.s3.put_object(Bucket="crypto-prices-lake", Key=f"{folder}{name}", Body=b"[]")
    assert totals(curate(spark, lake.s3, lake.glue, arguments(uri))) == (24, 24, 0, 0)


def test_a_body_that_is_not_an_array_fails_the_run(spark, lake, arguments):
    run = arguments(lake.raw({"BTCUSDT": '{"code":-1121,"msg":"Invalid symbol."}'}, records=1))
    with pytest.raises(CurationError, match="cannot be split into records"):
        curate(spark, lake.s3, lake.glue, run)


def coinbase_day():
    """Return Coinbase's 24 candles of 2023-12-18."""
    return json.dumps([[1_702_857_600 + hour * 3600, 1, 2, 1, 2, 0.5] for hour in range(24)])


class TestABadSourceBesideAGoodOne:
    """It does not hold back the other: the version has the rows of the good one only, and the report has the reason."""

    def curated(self, spark, lake, arguments, binance, **options):
        records = options.pop("records", None)
        good = lake.raw({"BTC-USD": coinbase_day()}, source="coinbase")
        run = arguments(lake.raw(binance, records=records), good, **options)
        return curate(spark, lake.s3, lake.glue, run)

    def rows(self, lake, report):
        entries = json.loads(lake.body(report.copy_manifest.uri))["entries"]
        keys = lake.keys(f"curated/crypto_prices/version={report.job_run_id}/")
        assert [e["url"].partition("lake/")[2] for e in entries] == [key for key in keys if key.endswith(".parquet")]
        tables = [pq.read_table(io.BytesIO(lake.body(entry["url"]))) for entry in entries]
        return Counter(source for table in tables for source in table["source"].to_pylist())

    def test_too_many_rejected_records(self, spark, lake, kline, arguments):
        broken = json.dumps([*day(kline)[:12], *(kline(hour, open="x") for hour in range(12, 24))])
        report = self.curated(spark, lake, arguments, {"BTCUSDT": broken})
        (refused,) = report.refused
        assert (refused.source, refused.code) == ("binance", "CP-11")
        assert "12 of 24 records of binance were rejected" in refused.problem
        assert self.rows(lake, report) == {"coinbase": 24}
        assert set(report.sources) == {result.source for result in report.row_rules} == {"coinbase"}
        assert report.quarantined_candles == ()
        assert {market for version in report.days.values() for market in version.markets} == {
            "coinbase/1h/BTC-USD/USDT"
        }
        quarantine = refused.problem.partition("s3://crypto-prices-lake/")[2]
        assert (
            len(b"".join(lake.body(key) for key in lake.keys(quarantine) if key.endswith(".json")).splitlines()) == 12
        )
        quality = json.loads(lake.body(f"curated/_manifests/{report.job_run_id}/quality_report.json"))["rules"]
        assert {(rule["source"], rule["broken"]) for rule in quality if rule["broken"]} == {("binance", 12)}

    def test_a_body_that_cannot_be_split(self, spark, lake, arguments):
        body = '{"code":-1121,"msg":"Invalid symbol."}'
        report = self.curated(spark, lake, arguments, {"BTCUSDT": body}, records=1)
        (refused,) = report.refused
        assert (refused.source, refused.code) == ("binance", "CP-14")
        assert "cannot be split into records" in refused.problem
        assert self.rows(lake, report) == {"coinbase": 24}

    def test_a_rule_with_the_action_fail(self, spark, lake, kline, arguments):
        broken = json.dumps([*day(kline)[:23], kline(23, low="-1")])
        report = self.curated(spark, lake, arguments, {"BTCUSDT": broken}, row_rules="non_positive_price=fail")
        assert [(refused.source, refused.code) for refused in report.refused] == [("binance", "CP-12")]
        assert self.rows(lake, report) == {"coinbase": 24}

    def test_rejected_records_that_a_user_accepts(self, spark, lake, kline, arguments):
        """The day after Binance's outage of February 2018: each candle opens 28 minutes past the hour."""
        late = [[row[0] + 1_694_789, *row[1:6], row[6] + 1_694_789, *row[7:]] for row in day(kline)]
        report = self.curated(spark, lake, arguments, {"BTCUSDT": json.dumps(late)}, accepted_sources="binance")
        assert report.refused == ()
        assert report.sources["binance"].quarantined == {"off_grid": 24}
        assert self.rows(lake, report) == {"coinbase": 24}
        assert report.quarantined_candles == (
            QuarantinedCandles("binance", "1h", "2023-12-18 00:00:00", 24, ("BTC/USDT",)),
        )

    def test_an_accepted_source_alone_has_a_report_without_rows(self, spark, lake, kline, arguments):
        late = [[row[0] + 1, *row[1:]] for row in day(kline)]
        run = arguments(lake.raw({"BTCUSDT": json.dumps(late)}), accepted_sources="binance")
        report = curate(spark, lake.s3, lake.glue, run)
        assert (report.curated, report.refused, report.days) == (0, (), {})
        assert json.loads(lake.body(report.copy_manifest.uri)) == {"entries": []}


def test_a_cut_candle_of_each_of_two_markets_is_quarantined_and_the_rest_is_loaded(spark, lake, kline, arguments):
    """Binance on 2018-01-04: the candle of 03:00 ends after 15 s, and the one of 04:00 is missing, in all markets."""
    rows = [row for hour, row in enumerate(day(kline)) if hour != 4]
    rows[3] = [*rows[3][:6], rows[3][0] + 14_838, *rows[3][7:]]
    run = arguments(lake.raw({"BTCUSDT": json.dumps(rows), "ETHUSDT": json.dumps(rows)}))
    report = curate(spark, lake.s3, lake.glue, run)
    assert report.sources["binance"] == SourceCounts(46, 44, {"candle_not_closed": 2}, 0)
    assert report.quarantined_candles == (
        QuarantinedCandles("binance", "1h", "2023-12-18 03:00:00", 1, ("BTC/USDT", "ETH/USDT")),
    )


def rows_of_day(lake, report, day):
    """Return (market, batch) of each row of a day of a version."""
    keys = [
        key
        for key in lake.keys(report.days[day].location.removeprefix("s3://crypto-prices-lake/"))
        if key.endswith(".parquet")
    ]
    rows = [row for key in keys for row in pq.read_table(io.BytesIO(lake.body(key))).to_pylist()]
    return Counter((row["symbol"], row["batch_id"]) for row in rows)


@pytest.fixture(scope="module")
def whole(spark, lake, kline, arguments, catalog):
    """A published version of three markets and two days. ETH has rows on the first day only, SOL has none."""
    case = TestALoadOfSomeMarkets()
    manifest = case.manifest(lake, kline, BTCUSDT=2, ETHUSDT=1, SOLUSDT=0)
    run = arguments(manifest, batch_id="whole", **case.WINDOW)
    publish(catalog, curate(spark, lake.s3, lake.glue, run))
    return run


class TestALoadOfSomeMarkets:
    """The other markets of a day's published version are kept, and the warehouse does not load them again."""

    WINDOW: ClassVar = {"window_start": "2025-03-01", "window_end": "2025-03-03"}
    FIRST = 439 * 24
    BTC, ETH, SOL = (f"binance/1h/{symbol}/USDT" for symbol in ("BTC", "ETH", "SOL"))

    def manifest(self, lake, kline, **hours):
        bodies = {
            symbol: json.dumps([kline(self.FIRST + hour) for hour in range(24 * days)])
            for symbol, days in hours.items()
        }
        return lake.raw(bodies, window=tuple(self.WINDOW.values()))

    def test_the_others_stay_with_their_origin(self, spark, lake, kline, arguments, whole):
        part = arguments(self.manifest(lake, kline, BTCUSDT=1), batch_id="part", **self.WINDOW)
        report = curate(spark, lake.s3, lake.glue, part)
        assert report.curated == 24
        assert rows_of_day(lake, report, "2025-03-01") == {("BTC", "part"): 24, ("ETH", "whole"): 24}
        # On the second day, only the requested market had rows, and now it has none.
        day, emptied = report.days.values()
        assert (day.curated, day.carried_over) == (24, 24)
        assert (emptied.curated, emptied.carried_over) == (0, 0)
        assert day.markets == {
            self.BTC: part.job_run_id, self.ETH: whole.job_run_id, self.SOL: whole.job_run_id,
        }  # fmt: skip
        (entry,) = json.loads(lake.body(report.copy_manifest.uri))["entries"]
        assert pq.read_table(io.BytesIO(lake.body(entry["url"])))["symbol"].unique().to_pylist() == ["BTC"]

    def test_a_day_without_candles_of_the_requested_markets_keeps_the_others(
        self, spark, lake, kline, arguments, whole
    ):
        run = arguments(self.manifest(lake, kline, BTCUSDT=0), batch_id="empty", **self.WINDOW)
        report = curate(spark, lake.s3, lake.glue, run)
        assert report.curated == 0
        assert json.loads(lake.body(report.copy_manifest.uri)) == {"entries": []}
        assert rows_of_day(lake, report, "2025-03-01") == {("ETH", "whole"): 24}

    def test_a_partition_that_does_not_name_its_markets_is_read(self, spark, lake, kline, arguments, whole):
        values = ["2025", "03", "01"]
        place = {"DatabaseName": "crypto", "TableName": "crypto_prices", "PartitionValues": values}
        shown = lake.glue.get_partition(**place)["Partition"]["StorageDescriptor"]["Location"]
        lake.glue.update_partition(
            DatabaseName="crypto",
            TableName="crypto_prices",
            PartitionValueList=values,
            PartitionInput={"Values": values, "StorageDescriptor": {"Location": shown}},
        )
        run = arguments(self.manifest(lake, kline, BTCUSDT=1), batch_id="again", **self.WINDOW)
        report = curate(spark, lake.s3, lake.glue, run)
        assert rows_of_day(lake, report, "2025-03-01") == {("BTC", "again"): 24, ("ETH", "whole"): 24}
        assert report.days["2025-03-01"].markets == {self.BTC: run.job_run_id, self.ETH: shown}


def test_a_window_without_candles_has_a_report_without_partitions(spark, lake, arguments):
    run = arguments(lake.raw({"BTCUSDT": "[]", "ETHUSDT": "[]", "NEWUSDT": "[]"}))
    report = curate(spark, lake.s3, lake.glue, run)
    assert (report.days, report.quarantine) == ({}, None)
    assert json.loads(lake.body(report.copy_manifest.uri)) == {"entries": []}
    assert totals(report) == (0, 0, 0, 0)
    assert [key.rpartition("/")[2] for key in lake.keys(f"curated/_manifests/{run.job_run_id}/")] == [
        "copy_manifest.json",
        "curation_report.json",
        "quality_report.json",
    ]


def test_an_unknown_source_is_refused_before_anything_is_read(spark, lake, arguments):
    with pytest.raises(CurationError, match="source 'mtgox' has no parser: use one of binance"):
        curate(spark, lake.s3, lake.glue, arguments(lake.raw({"BTCUSDT": "[]"}, source="mtgox")))
