from crypto_prices.reconcile.metrics import metric_data
from crypto_prices.reconcile.row_counts import LoadedCounts
from crypto_prices_contract.curation_report import REPORT_VERSION, CurationReport, DayVersion, SourceCounts
from crypto_prices_contract.window import Window

REPORT = CurationReport(
    report_version=REPORT_VERSION,
    window=Window.parse("2023-12-18", "2023-12-19"),
    row_rules=(),
    quarantined_candles=(),
    batch_id="b1",
    job_run_id="jr_1",
    raw_manifests=("s3://lake/m.json",),
    sources={"binance": SourceCounts(fetched=26, curated=23, quarantined={"off_grid": 2}, duplicates=1)},
    copy_manifest="s3://lake/m.json",
    quarantine="s3://lake/q/",
    days={"2023-12-18": DayVersion("s3://lake/v/", 23, 0, {})},
)


def values(data, dimension):
    return {
        metric["MetricName"]: metric["Value"]
        for metric in data
        if dimension in [value["Value"] for value in metric["Dimensions"]]
    }


def test_counts_are_per_source_and_the_verdict_is_per_dag():
    data = metric_data(REPORT, [LoadedCounts("binance", 23, 23, 24, 5, 20, 19)], "daily", adds_up=True)
    assert values(data, "binance") == {
        "RecordsFetched": 26,
        "RecordsCurated": 23,
        "RecordsQuarantined": 2,
        "RecordsDuplicate": 1,
        "RowsMerged": 23,
        "RowsRemoved": 5,
    }
    assert values(data, "daily")["LoadsReconciled"] == 1


def test_a_load_without_warehouse_counts_has_no_row_metrics():
    data = metric_data(REPORT, [], "daily", adds_up=False)
    assert {"RowsMerged", "RowsRemoved"}.isdisjoint(values(data, "binance"))
    assert values(data, "daily")["LoadsReconciled"] == 0
