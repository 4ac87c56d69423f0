from copy import deepcopy

import pytest
from crypto_prices.xcom.batch import Batch, loaded_sources
from crypto_prices.xcom.curation_report import CurationReportError, check_report, parse_report
from crypto_prices.xcom.fetched_source import FetchedSource
from crypto_prices_contract.curation_report import REPORT_VERSION, DayVersion, QuarantinedCandles, RowRuleResult
from crypto_prices_contract.row_rules import Action

BATCH = Batch(
    batch_id="b1",
    staging_table="stg_1",
    window_start="2023-12-18",
    window_end="2023-12-19",
    sources=[FetchedSource("binance", "1h", "s3://lake/m.json", "ab", 26, ["BTC/USDT"], [], {})],
)
DOCUMENT = {
    "report_version": REPORT_VERSION,
    "batch_id": "b1-1",
    "job_run_id": "jr_1",
    "code_digest": "d" * 64,
    "raw_manifests": ["s3://lake/m.json"],
    "sources": {"binance": {"fetched": 26, "curated": 23, "quarantined": {"off_grid": 2}, "duplicates": 1}},
    "window": {"start": "2023-12-18", "end": "2023-12-19"},
    "days": {
        "2023-12-18": {
            "location": "s3://lake/curated/x/",
            "curated": 23,
            "carried_over": 24,
            "markets": {"binance/1h/BTC/USDT": "jr_1", "binance/1h/ETH/USDT": "jr_0"},
        }
    },
    "refused": [],
    "copy_manifest": {
        "uri": "s3://lake/curated/_manifests/jr_1/copy_manifest.json",
        "version_id": "v1",
        "etag": "e" * 32,
        "sha256": "a" * 64,
    },
    "curated_files": [
        {"uri": "s3://lake/curated/x/p.parquet", "version_id": "v2", "etag": "f" * 32, "bytes": 4821, "rows": 23}
    ],
    "quarantine": "s3://lake/quarantine/crypto_prices/version=jr_1/",
    "row_rules": [{"source": "binance", "rule": "off_grid", "action": "quarantine", "checked": 26, "broken": 2}],
    "quarantined_candles": [
        {
            "source": "binance",
            "candle_interval": "1h",
            "observed_at": "2023-12-18 05:00:00",
            "candles": 2,
            "markets": ["BTC/USDT", "ETH/USDT"],
        }
    ],
}


def report(**counts):
    document = deepcopy(DOCUMENT)
    document["sources"]["binance"] |= counts
    return parse_report(document)


def test_a_report_that_adds_up_passes():
    check_report(report(), BATCH)
    assert report().curated == 23
    markets = {"binance/1h/BTC/USDT": "jr_1", "binance/1h/ETH/USDT": "jr_0"}
    assert report().days == {"2023-12-18": DayVersion("s3://lake/curated/x/", 23, 24, markets)}
    assert report().sources["binance"].quarantined_total == 2
    assert report().row_rules == (RowRuleResult("binance", "off_grid", Action.QUARANTINE, 26, 2),)
    assert report().quarantined_candles == (
        QuarantinedCandles("binance", "1h", "2023-12-18 05:00:00", 2, ("BTC/USDT", "ETH/USDT")),
    )


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ({"curated": 22}, "26 fetched, but 22 curated"),
        ({"duplicates": 0}, "0 duplicates = 25"),
        ({"quarantined": {}}, "0 quarantined"),
        ({"fetched": 27, "curated": 24}, "it counts 27 records, but the raw manifest has 26"),
    ],
)
def test_a_lost_or_invented_record_is_refused(counts, message):
    with pytest.raises(CurationReportError, match="Glue run jr_1") as error:
        check_report(report(**counts), BATCH)
    assert message in str(error.value)


def test_another_batchs_report_is_refused():
    with pytest.raises(CurationReportError, match="it belongs to batch b2"):
        check_report(parse_report(DOCUMENT | {"batch_id": "b2"}), BATCH)


def test_a_report_of_other_sources_is_refused():
    with pytest.raises(CurationReportError, match=r"it has the sources \['coinbase'\]"):
        check_report(parse_report(DOCUMENT | {"sources": {"coinbase": DOCUMENT["sources"]["binance"]}}), BATCH)


REFUSED = {"source": "coinbase", "code": "CP-11", "problem": "24 of 24 records of coinbase were rejected"}
TWO = Batch(
    batch_id="b1",
    staging_table="stg_1",
    window_start="2023-12-18",
    window_end="2023-12-19",
    sources=[*BATCH.sources, FetchedSource("coinbase", "1h", "s3://lake/c.json", "cd", 24, ["BTC/USD"], [], {})],
)


def test_a_refused_source_is_read_but_not_loaded():
    both = {"raw_manifests": ["s3://lake/m.json", "s3://lake/c.json"]}
    found = parse_report(DOCUMENT | both | {"refused": [REFUSED]})
    check_report(found, TWO)
    assert [source.source for source in loaded_sources(TWO, found)] == ["binance"]
    with pytest.raises(CurationReportError, match=r"it has the sources \['binance'\], but the run fetched"):
        check_report(parse_report(DOCUMENT | both), TWO)


def test_a_report_without_a_source_to_load_is_refused():
    with pytest.raises(CurationReportError, match="all sources were refused"):
        check_report(parse_report(DOCUMENT | {"sources": {}, "refused": [REFUSED | {"source": "binance"}]}), BATCH)


def test_a_source_whose_records_were_all_rejected_can_be_loaded():
    check_report(report(curated=0, quarantined={"off_grid": 25}), BATCH)


def test_another_version_is_refused_with_the_likely_cause():
    with pytest.raises(CurationReportError, match="not deployed together"):
        parse_report(DOCUMENT | {"report_version": REPORT_VERSION + 1})


@pytest.mark.parametrize("key", ["batch_id", "job_run_id", "sources", "refused", "copy_manifest", "quarantine"])
def test_a_report_without_a_key_is_refused(key):
    with pytest.raises(CurationReportError, match=key):
        parse_report({name: value for name, value in DOCUMENT.items() if name != key})


@pytest.mark.parametrize(
    ("path", "value", "key"),
    [
        (["sources", "binance", "curated"], "23", r"sources\.binance\.curated"),
        (["sources", "binance", "fetched"], None, r"sources\.binance\.fetched"),
        (["days", "2023-12-18", "markets"], [], r"days\.2023-12-18\.markets"),
        (["row_rules", 0, "action"], "shrug", r"row_rules\.0\.action"),
        (["quarantined_candles", 0, "candles"], 2.5, r"quarantined_candles\.0\.candles"),
        (["window"], {"start": "2023-12-19", "end": "2023-12-18"}, "window.*must end after it starts"),
    ],
)
def test_a_wrong_value_is_refused_by_the_name_of_its_key(path, value, key):
    document = deepcopy(DOCUMENT)
    *above, last = path
    place = document
    for step in above:
        place = place[step]
    place[last] = value
    with pytest.raises(CurationReportError, match=key):
        parse_report(document)


def test_a_document_that_is_not_an_object_is_refused():
    with pytest.raises(CurationReportError, match="not deployed together"):
        parse_report([])
