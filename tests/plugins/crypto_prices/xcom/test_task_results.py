from dataclasses import asdict

import pytest
from crypto_prices.xcom import task_results
from crypto_prices.xcom.curation_report import CurationReportError

from tests.support.tasks import TaskInstance, batch, fetched, report


def instance(wanted, results):
    resolved = [{"source": name, "window_start": "2023-12-18", "window_end": "2023-12-20"} for name in wanted]
    return TaskInstance({"resolve_window": resolved, "fetch_prices": [asdict(result) for result in results]})


def test_fetch_results_have_one_item_per_source():
    both = [fetched(), fetched("coinbase")]
    assert task_results.fetched(instance(["binance", "coinbase"], both)) == both


def test_results_of_removed_sources_are_ignored():
    """A source was removed from the settings and the whole run was cleared. Its task instance's result still exists."""
    assert task_results.fetched(instance(["binance"], [fetched(), fetched("coinbase")])) == [fetched()]


def test_a_failed_source_has_no_result():
    both = ["binance", "coinbase"]
    ti = instance(both, [fetched()])
    assert task_results.fetched(ti) == [fetched()]
    assert task_results.sources(ti) == both
    ti = instance(both, [])
    ti.results["fetch_prices"] = [None, asdict(fetched("coinbase"))]
    assert task_results.fetched(ti) == [fetched("coinbase")]


@pytest.mark.parametrize(
    ("wanted", "results"),
    [
        (["binance"], []),
        (["coinbase"], [fetched(), fetched("coinbase")]),
        (["binance", "coinbase"], [fetched(), fetched()]),
    ],
    ids=["nothing", "moved", "twice"],
)
def test_the_fetched_sources_must_be_the_resolved_ones(wanted, results):
    with pytest.raises(LookupError, match="clear fetch_prices with its downstream tasks"):
        task_results.fetched(instance(wanted, results))


def test_a_report_of_another_fetch_than_planned_is_refused():
    """fetch_prices and plan_load were cleared alone, so the curated and staged rows come from the previous fetch."""
    this = batch(fetched())
    ti = TaskInstance({"plan_load": this.as_xcom(), "read_curation_report": report(this)})
    assert task_results.report(ti).raw_manifests == ("s3://lake/raw/binance/manifest.json",)
    older = report(this, raw_manifests=["s3://lake/raw/binance/older.json"])
    ti = TaskInstance(ti.results | {"read_curation_report": older})
    with pytest.raises(CurationReportError, match=r"it covers s3://lake/raw/binance/older\.json, but the run planned"):
        task_results.report(ti)
