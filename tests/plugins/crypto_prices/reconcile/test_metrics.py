from crypto_prices.reconcile.metrics import metric_data
from crypto_prices.reconcile.row_counts import LoadedCounts

from tests.support.curation_reports import REPORT


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
