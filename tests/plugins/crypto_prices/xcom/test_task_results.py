from dataclasses import asdict

import pytest
from crypto_prices.xcom import task_results
from crypto_prices.xcom.curation_report import CurationReportError

from tests.support.tasks import TaskInstance, batch, fetched, report


def instance(wanted, results):
    resolved = [{"source": name, "window_start": "2023-12-18", "window_end": "2023-12-20"} for name in wanted]
    return TaskInstance({"resolve_window": resolved, "fetch_prices": [asdict(result) for result in results]})


def test_what_was_fetched_is_one_item_for_each_source_of_the_run():
    both = [fetched(), fetched("coinbase")]
    assert task_results.fetched(instance(["binance", "coinbase"], both)) == both


def test_what_a_source_left_that_the_run_no_longer_has_is_not_asked_for():
    """The settings have lost a source, and the whole run was cleared: its task instance is gone, its result is not."""
    assert task_results.fetched(instance(["binance"], [fetched(), fetched("coinbase")])) == [fetched()]


def test_a_source_that_failed_has_left_nothing():
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
def test_what_was_fetched_must_be_what_was_resolved(wanted, results):
    with pytest.raises(LookupError, match="clear fetch_prices with its downstream tasks"):
        task_results.fetched(instance(wanted, results))


def test_a_report_of_another_fetch_than_the_plan_is_refused_wherever_it_is_used():
    """fetch_prices and plan_load were cleared alone: what is curated and staged is still of the fetch before."""
    this = batch(fetched())
    ti = TaskInstance({"plan_load": this.as_xcom(), "read_curation_report": report(this)})
    assert task_results.report(ti).raw_manifests == ("s3://lake/raw/binance/manifest.json",)
    older = report(this, raw_manifests=["s3://lake/raw/binance/older.json"])
    ti = TaskInstance(ti.results | {"read_curation_report": older})
    with pytest.raises(CurationReportError, match=r"it read s3://lake/raw/binance/older\.json, but .* has planned"):
        task_results.report(ti)
