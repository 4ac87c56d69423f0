import gzip
import json

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException
from crypto_prices.batch import FetchedSource
from crypto_prices.errors import RetryableSourceError
from crypto_prices.operators.fetch_prices import FetchPricesOperator

from local_aws.exchange.faults import Fault, FaultKind

PREFIX = "raw/crypto_prices/source=binance/year=2023/month=12/day=18/window=20231218-20231220/"


@pytest.fixture
def lake(aws, exchange):
    """A bucket of the test's own, and the test's own exchange in the settings."""
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="fetch-prices-lake")
    aws.change(
        s3_bucket="fetch-prices-lake",
        sources={"binance": {"symbols": ["BTCUSDT", "ETHUSDT"], "api_url": exchange.url}},
    )
    yield s3
    for key in keys(s3):
        s3.delete_object(Bucket="fetch-prices-lake", Key=key)
    s3.delete_bucket(Bucket="fetch-prices-lake")


def keys(lake):
    return [entry["Key"] for entry in lake.list_objects_v2(Bucket="fetch-prices-lake").get("Contents", [])]


def fetch(symbols=("BTCUSDT", "ETHUSDT"), **changes):
    arguments = {
        "source": "binance", "symbols": list(symbols), "window_start": "2023-12-18", "window_end": "2023-12-20",
    }  # fmt: skip
    return FetchPricesOperator(task_id="fetch_prices", **(arguments | changes)).execute({})


def test_every_response_is_landed_and_the_result_goes_through_json(lake):
    result = json.loads(json.dumps(fetch()))
    fetched = FetchedSource(**result)
    assert (fetched.source, fetched.candle_interval, fetched.records) == ("binance", "1h", 96)
    assert (fetched.markets, fetched.gaps, fetched.incomplete) == (["BTC/USDT", "ETH/USDT"], [], {})
    key = fetched.raw_manifest.removeprefix("s3://fetch-prices-lake/")
    assert key.startswith(PREFIX)
    manifest = json.loads(lake.get_object(Bucket="fetch-prices-lake", Key=key)["Body"].read())
    assert manifest["content_hash"] == fetched.content_hash
    assert manifest["written_at"] == fetched.fetched_at
    landed = [entry["uri"].removeprefix("s3://fetch-prices-lake/") for entry in manifest["objects"]]
    assert sorted([*landed, key]) == keys(lake)
    body = lake.get_object(Bucket="fetch-prices-lake", Key=landed[0])["Body"].read()
    assert len(json.loads(gzip.decompress(body))) == 48


def test_another_attempt_lands_beside_the_first_with_the_same_content_hash(lake):
    first, second = fetch(["BTCUSDT"]), fetch(["BTCUSDT"])
    assert first["raw_manifest"] != second["raw_manifest"]
    assert first["content_hash"] == second["content_hash"]
    assert len(keys(lake)) == 4


def test_gaps_and_missing_candles_are_told_and_logged(lake, exchange, task_log):
    exchange.faults.replace([Fault(FaultKind.EMPTY, symbol="ETHUSDT")])
    fetched = FetchedSource(**fetch())
    assert (fetched.gaps, fetched.incomplete) == (["ETHUSDT"], {})
    assert "binance has no candle of ETHUSDT in [2023-12-18, 2023-12-20)" in task_log.text


def test_an_unknown_symbol_fails_at_once_naming_it_and_commits_nothing(lake, exchange):
    with pytest.raises(AirflowFailException, match="binance: binance has no market NOPEUSDT"):
        fetch(["BTCUSDT", "NOPEUSDT"])
    assert [query["symbol"] for query in exchange.queries] == ["BTCUSDT", "NOPEUSDT"]
    assert len(keys(lake)) == 1  # what came before is there, and nobody reads it
    assert not any(key.endswith("manifest.json") for key in keys(lake))


def test_an_exchange_that_asks_to_wait_long_is_not_waited_for_here(lake, exchange):
    exchange.faults.replace([Fault(FaultKind.RATE_LIMITED, symbol="ETHUSDT", times=None, retry_after=600)])
    with pytest.raises(RetryableSourceError) as error:
        fetch()
    assert error.value.retry_after_seconds == 600
    assert (error.value.status, len(exchange.queries)) == (429, 2)
    assert not any(key.endswith("manifest.json") for key in keys(lake))


def test_a_source_that_is_no_longer_in_the_settings(lake):
    with pytest.raises(AirflowFailException, match="coinbase is no longer in the settings: clear the whole run"):
        fetch(source="coinbase")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"window_end": "2999-01-01"}, r"binance: the window \[2023-12-18, 2999-01-01\) has not ended"),
        ({"symbols": ["../etc"]}, "binance: '../etc' is not a market"),
    ],
)
def test_what_cannot_be_asked_for_fails_before_anything_is_asked(lake, exchange, changes, said):
    with pytest.raises(AirflowFailException, match=said):
        fetch(**changes)
    assert exchange.queries == []
