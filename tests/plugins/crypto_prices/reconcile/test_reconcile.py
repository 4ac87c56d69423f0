from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException
from botocore.exceptions import ClientError
from crypto_prices.load_window import FACT_CRYPTO_PRICES
from crypto_prices.reconcile.catalog_versions import CatalogDiffersError

from tests.support.tasks import batch, fetched, insert_load, report

THIS = batch()
ATTEMPT = THIS.attempt_id(1)


@pytest.fixture
def loaded(warehouse):
    """Return a function that writes a load's row of crypto.etl_metadata and its rows of the fact table."""

    def write(
        batch_id=ATTEMPT,
        rows_staged=48,
        rows_merged=48,
        rows_in_window=48,
        glue_run="jr_1",
        number=1,
        content_hash="h1",
        days=("2023-12-18", "2023-12-20"),
        rows_now=None,
    ):
        values = (
            *(batch_id, "binance", "1h", *days, content_hash, "m", glue_run, "c", "d", "r", "loaded"),
            *(48, 0, 0, 48, rows_staged, rows_merged, rows_in_window, "2023-12-21", "2023-12-21", number, "BTC/USDT"),
            *(0, rows_merged),
        )
        warehouse.execute_batch(insert_load(values))
        candles = [
            f"('binance', 'BTC', 'USDT', '1h', '{days[0]} 00:{minute:02d}:00', 1, 1, 1, 1, 1, 1, 1, NULL, 's3://x', "
            f"'2023-12-21', '{batch_id}')"
            for minute in range(rows_merged if rows_now is None else rows_now)
        ]
        if candles:
            warehouse.execute_batch([f"INSERT INTO crypto.fact_crypto_prices VALUES {', '.join(candles)}"])

    return write


@pytest.fixture
def reconcile(warehouse, catalog, make_task, make_context):
    """Return a function that runs the task and returns its result and the asset event's extra."""

    def run(**run_options):
        context = make_context(plan_load=THIS.as_xcom(), read_curation_report=report(THIS), **run_options)
        rows = make_task("reconcile", context).execute(context)
        return rows, context["outlet_events"][FACT_CRYPTO_PRICES].extra

    return run


@pytest.fixture
def published(catalog):
    catalog.publish("2023-12-18", "jr_1")
    catalog.publish("2023-12-19", "jr_1")


def test_matching_counts_are_returned_and_the_asset_event_has_the_window(loaded, reconcile, published, task_log):
    loaded()
    loaded(batch_id="another", rows_merged=1, glue_run="jr_0", number=0)
    rows, extra = reconcile()
    assert rows == [
        {
            "batch_id": ATTEMPT, "window_start": "2023-12-18", "window_end": "2023-12-20", "glue_job_run_id": "jr_1",
            "content_hash": "h1",
            "load_number": 1, "source": "binance", "status": "loaded", "rows_fetched": 48, "rows_quarantined": 0,
            "rows_duplicate": 0, "rows_curated": 48, "rows_staged": 48, "rows_merged": 48, "rows_in_window": 48,
            "rows_removed": 0, "rows_owned": 48, "rows_now": 48,
        }
    ]  # fmt: skip
    assert extra == {"window_start": "2023-12-18", "window_end": "2023-12-20", "sources": ["binance"],
                     "batch_id": ATTEMPT}  # fmt: skip
    assert "source" in task_log.text
    assert "in window" in task_log.text
    assert task_log.messages[-1].startswith(
        "The load adds up: of 48 fetched records of binance, 48 are in the warehouse"
    )


def test_the_counts_go_to_cloudwatch(loaded, reconcile, published, aws):
    loaded()
    reconcile()
    statistics = {
        name: aws.client("cloudwatch").get_metric_statistics(
            Namespace="CryptoPrices",
            MetricName=name,
            Dimensions=[{"Name": "Dag", "Value": "crypto_prices_window"}, {"Name": "Source", "Value": "binance"}],
            StartTime=datetime.now(UTC) - timedelta(hours=1),
            EndTime=datetime.now(UTC) + timedelta(hours=1),
            Period=7200,
            Statistics=["Maximum"],
        )["Datapoints"][0]["Maximum"]
        for name in ("RecordsFetched", "RecordsCurated", "RecordsQuarantined", "RecordsDuplicate", "RowsMerged")
    }
    assert statistics == {
        "RecordsFetched": 48, "RecordsCurated": 48, "RecordsQuarantined": 0, "RecordsDuplicate": 0, "RowsMerged": 48,
    }  # fmt: skip


@pytest.mark.parametrize(("staged", "reconciled"), [(48, 1), (47, 0)])
def test_an_alarm_fires_only_for_a_load_that_does_not_add_up(
    loaded, reconcile, published, monkeypatch, staged, reconciled
):
    sent = []
    monkeypatch.setattr(
        "crypto_prices.aws.warehouse_operator.AwsBaseHook",
        lambda **_: SimpleNamespace(
            conn=SimpleNamespace(put_metric_data=lambda **call: sent.extend(call["MetricData"]))
        ),
    )
    loaded(rows_staged=staged)
    with nullcontext() if reconciled else pytest.raises(AirflowFailException):
        reconcile()
    assert [metric for metric in sent if metric["MetricName"] == "LoadsReconciled"] == [
        {
            "MetricName": "LoadsReconciled",
            "Dimensions": [{"Name": "Dag", "Value": "crypto_prices_window"}],
            "Value": reconciled,
            "Unit": "Count",
        }
    ]
    assert {"RecordsFetched", "RowsMerged"} < {metric["MetricName"] for metric in sent}


def test_a_load_does_not_fail_when_cloudwatch_is_unavailable(loaded, reconcile, published, monkeypatch, task_log):
    def refuse(*_, **__):
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "PutMetricData")

    monkeypatch.setattr(
        "crypto_prices.aws.warehouse_operator.AwsBaseHook",
        lambda **_: SimpleNamespace(conn=SimpleNamespace(put_metric_data=refuse)),
    )
    loaded()
    assert reconcile()
    assert "CloudWatch rejected the task's metrics" in task_log.text


def test_consumers_hear_of_a_load_without_a_source_before_the_run_fails(
    loaded, reconcile, published, make_task, make_context
):
    loaded()
    _, extra = reconcile(sources=("binance", "coinbase"))
    assert (extra["window_start"], extra["sources"]) == ("2023-12-18", ["binance"])
    results = {"plan_load": THIS.as_xcom(), "read_curation_report": report(THIS)}
    context = make_context(**results, sources=("binance", "coinbase"))
    with pytest.raises(
        AirflowFailException, match=r"coinbase was not fetched .* not loaded: clear .*The other sources are loaded"
    ):
        make_task("require_sources", context).execute(context)
    whole = make_context(**results)
    make_task("require_sources", whole).execute(whole)


def test_a_run_fails_with_the_code_of_a_source_that_the_glue_job_refused(make_task, make_context):
    both = batch(fetched(), fetched("coinbase"))
    refused = {"source": "coinbase", "code": "CP-11", "problem": "24 of 24 records of coinbase were rejected"}
    document = report(both, refused=[refused])
    del document["sources"]["coinbase"]
    context = make_context(plan_load=both.as_xcom(), read_curation_report=document, sources=("binance", "coinbase"))
    with pytest.raises(
        AirflowFailException, match=r"^coinbase: CP-11 24 of 24 .*The other sources are loaded$"
    ) as found:
        make_task("require_sources", context).execute(context)
    assert found.value.code == "CP-11"


@pytest.mark.parametrize(
    ("count", "value"), [("rows_staged", 47), ("rows_merged", 49), ("rows_in_window", 47), ("rows_in_window", None)]
)
def test_different_counts_fail_and_are_named(loaded, reconcile, published, count, value):
    loaded(**{count: value})
    step = count.removeprefix("rows_").replace("in_window", "in the window")
    with pytest.raises(AirflowFailException, match=f"binance: 48 curated.*{value} {step}"):
        reconcile()


@pytest.mark.parametrize("rows_now", [24, 0])
def test_missing_rows_of_the_fact_table_fail(loaded, reconcile, published, task_log, rows_now):
    loaded(rows_now=rows_now)
    with pytest.raises(AirflowFailException, match=f"binance: 48 rows belong to this load, .* has {rows_now}:"):
        reconcile()
    (line,) = [line for line in task_log.text.splitlines() if line.startswith("binance")]
    assert line.endswith(f" {rows_now}")


def test_a_batch_without_metadata_fails(loaded, reconcile, published):
    loaded(batch_id="another")
    with pytest.raises(AirflowFailException, match=f"has no row for batch {ATTEMPT}"):
        reconcile()


def test_a_day_without_a_partition_fails(loaded, reconcile, catalog):
    loaded()
    catalog.publish("2023-12-18", "jr_1")
    with pytest.raises(CatalogDiffersError, match=r"2023-12-19 \(catalog: nothing, this load: jr_1\)"):
        reconcile()


def test_a_batch_with_two_rows_of_metadata_fails(loaded, reconcile, published):
    loaded()
    loaded()
    with pytest.raises(AirflowFailException, match=f"binance: .* has 2 rows for batch {ATTEMPT}"):
        reconcile()


def test_a_day_published_by_a_run_that_did_not_load_it_is_retried(loaded, reconcile, catalog):
    loaded()
    catalog.publish("2023-12-18", "jr_1")
    catalog.publish("2023-12-19", "jr_2")
    with pytest.raises(CatalogDiffersError, match=r"2023-12-19 \(catalog: jr_2, this load: jr_1\)"):
        reconcile()
    loaded(batch_id="another", glue_run="jr_2", number=2, days=("2023-12-19", "2023-12-20"))
    reconcile()


def test_a_day_with_the_version_of_an_earlier_load_is_retried(loaded, reconcile, catalog):
    loaded(number=2)
    loaded(batch_id="another", glue_run="jr_0", number=1)
    catalog.publish("2023-12-18", "jr_0")
    catalog.publish("2023-12-19", "jr_1")
    with pytest.raises(CatalogDiffersError, match=r"2023-12-18 \(catalog: jr_0, this load: jr_1\)"):
        reconcile()


def test_a_later_load_may_not_have_published_yet(loaded, reconcile, published):
    loaded()
    loaded(batch_id="another", glue_run="jr_2", number=2, content_hash="h2")
    reconcile()
