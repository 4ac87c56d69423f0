import gzip
import hashlib
import json
import threading
import time

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException
from crypto_prices.fetch.errors import RetryableSourceError
from crypto_prices.fetch.fetch_prices import FetchPricesOperator, FetchStoppedError
from crypto_prices.fetch.request_budget import RequestBudget
from crypto_prices.fetch.sources.binance import BinanceSource
from crypto_prices.xcom.fetched_source import EmptyRange, FetchedSource
from crypto_prices.xcom.parse_result import parse_result

from local_exchange.faults import Fault, FaultKind
from local_exchange.rules import Rules

PREFIX = "raw/crypto_prices/source=binance/year=2023/month=12/day=18/window=20231218-20231220/"


@pytest.fixture
def lake(aws, exchange):
    """A bucket for this test, and settings with this test's exchange."""
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


def named(symbols):
    """The markets as ``resolve_window`` returns them."""
    return [
        {"exchange_symbol": symbol, "symbol": symbol.removesuffix("USDT"), "quote_currency": "USDT"}
        for symbol in symbols
    ]


def make_operator(symbols=("BTCUSDT", "ETHUSDT"), **changes):
    arguments = {
        "source": "binance", "symbols": list(symbols), "window_start": "2023-12-18", "window_end": "2023-12-20",
        "markets": named(symbols),
    }  # fmt: skip
    return FetchPricesOperator(task_id="fetch_prices", **(arguments | changes))


def fetch(symbols=("BTCUSDT", "ETHUSDT"), **changes):
    return make_operator(symbols, **changes).execute({})


def test_every_response_is_stored_and_the_result_survives_json(lake):
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


def test_a_second_attempt_is_stored_separately_with_the_same_content_hash(lake):
    first, second = fetch(["BTCUSDT"]), fetch(["BTCUSDT"])
    assert first["raw_manifest"] != second["raw_manifest"]
    assert first["content_hash"] == second["content_hash"]
    assert len(keys(lake)) == 4


LISTING = {
    "uri": "s3://fetch-prices-lake/raw/listing=l1/markets-0001.json.gz", "url": "https://x/exchangeInfo", "status": 200,
    "fetched_at": "2023-12-21T00:00:00Z", "sha256": "0" * 64, "body_bytes": 7,
    "etag": "e" * 32, "version_id": None,
}  # fmt: skip


def manifest_of(lake, result):
    key = result["raw_manifest"].removeprefix("s3://fetch-prices-lake/")
    return json.loads(lake.get_object(Bucket="fetch-prices-lake", Key=key)["Body"].read())


def test_the_exchange_is_not_asked_again_for_markets_that_the_run_has_resolved(lake, exchange):
    result = fetch(["BTCUSDT"], listings=[LISTING])
    assert exchange.paths == ["/exchange/binance/api/v3/klines"]
    assert manifest_of(lake, result)["listings"] == [LISTING]


class TestTheExchangeDidNotRespondWhenTheRunWasResolved:
    def test_it_is_asked_once_and_the_response_is_stored_unchanged_and_listed(self, lake, exchange):
        result = fetch(markets=None)
        assert (result["markets"], result["records"]) == (["BTC/USDT", "ETH/USDT"], 96)
        info, *klines = exchange.paths
        assert (info, set(klines)) == ("/exchange/binance/api/v3/exchangeInfo", {"/exchange/binance/api/v3/klines"})
        (listing,) = manifest_of(lake, result)["listings"]
        key = listing["uri"].removeprefix("s3://fetch-prices-lake/")
        assert key.startswith(f"{PREFIX}listing=")
        body = gzip.decompress(lake.get_object(Bucket="fetch-prices-lake", Key=key)["Body"].read())
        assert hashlib.sha256(body).hexdigest() == listing["sha256"]
        assert [row["baseAsset"] for row in json.loads(body)["symbols"]] == ["BTC", "ETH"]

    def test_an_unlisted_symbol_is_refused_before_any_candle_is_requested(self, lake, exchange):
        with pytest.raises(AirflowFailException, match="binance: binance does not list NOPEUSDT"):
            fetch(["BTCUSDT", "NOPEUSDT"], markets=None)
        assert set(exchange.paths) == {"/exchange/binance/api/v3/exchangeInfo"}
        assert keys(lake) == []

    def test_names_of_another_time_are_refused(self, lake, exchange, aws):
        source = {"symbols": ["BCCUSDT"], "markets": {"BCCUSDT": "BCC/USDT"}, "api_url": exchange.url}
        aws.change(sources={"binance": source})
        with pytest.raises(AirflowFailException, match=r"binance did not use the names of BCCUSDT in \[2023-12-18"):
            fetch(["BCCUSDT"], markets=None)
        assert exchange.paths == ["/exchange/binance/api/v3/exchangeInfo"]


def test_gaps_are_returned_and_logged(lake, exchange, task_log):
    exchange.faults.replace([Fault(FaultKind.EMPTY, symbol="ETHUSDT", times=None)])
    fetched = FetchedSource(**fetch())
    assert (fetched.gaps, fetched.incomplete) == (["ETHUSDT"], {})
    assert fetched.empty_ranges == []  # whole days
    assert "binance has no candles of ETHUSDT in [2023-12-18, 2023-12-20)" in task_log.text


def test_the_candles_of_an_empty_page_are_returned(lake, exchange, aws, monkeypatch):
    """The first page has 1000 of the 2880 candles. The second one is empty twice, so the third one is never asked."""
    monkeypatch.setattr(BinanceSource, "max_connections", 1)
    aws.change(candle_interval="1m")
    exchange.faults.replace([Fault(FaultKind.EMPTY, symbol="ETHUSDT", after=1, times=None)])
    fetched = parse_result(FetchedSource, fetch(), "fetch_prices")
    assert fetched.incomplete == {"ETHUSDT": 1000}
    # The second day is empty as a whole.
    assert fetched.empty_ranges == [EmptyRange("2023-12-18 16:40:00", 440, ["ETH/USDT"])]


def test_an_unknown_symbol_fails_immediately_and_commits_nothing(lake, exchange):
    with pytest.raises(AirflowFailException, match="binance: binance has no market NOPEUSDT"):
        fetch(["BTCUSDT", "NOPEUSDT"])
    assert sorted(query["symbol"] for query in exchange.queries) == ["BTCUSDT", "NOPEUSDT"]
    # Objects that were written before may exist, but without a manifest they are never read.
    assert not any(key.endswith("manifest.json") for key in keys(lake))


def test_the_first_failing_market_stops_the_others(lake, exchange, monkeypatch):
    monkeypatch.setattr(BinanceSource, "max_connections", 1)
    symbols = ["BTCUSDT", "NOPEUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT"]
    with pytest.raises(AirflowFailException, match="NOPEUSDT"):
        fetch(symbols)
    assert [query["symbol"] for query in exchange.queries] in (symbols[:2], symbols[:3])


def test_a_killed_task_commits_nothing_and_does_not_finish_its_pause(lake, exchange):
    exchange.faults.replace([Fault(FaultKind.RATE_LIMITED, symbol="ETHUSDT", times=None, retry_after=100)])
    operator = make_operator()
    killer = threading.Timer(1, operator.on_kill)
    killer.start()
    began = time.monotonic()
    with pytest.raises(FetchStoppedError):
        operator.execute({})
    assert time.monotonic() - began < 60  # of the 100 that the exchange requests
    killer.join()
    assert not any(key.endswith("manifest.json") for key in keys(lake))


def test_markets_are_fetched_at_the_pace_of_the_settings(lake, exchange, aws, monkeypatch):
    paces = []
    monkeypatch.setattr(
        "crypto_prices.fetch.source_client.RequestBudget",
        lambda pace, **options: paces.append(pace) or RequestBudget(pace, **options),
    )
    fetch()
    source = {"symbols": ["BTCUSDT"], "api_url": exchange.url, "requests_per_second": 12.5}
    aws.change(s3_bucket="fetch-prices-lake", sources={"binance": source})
    fetch(["BTCUSDT"])
    assert paces == [BinanceSource.requests_per_second, 12.5]


class TestApiKey:
    KEY = "planted-key-0123456789"

    @pytest.fixture
    def coingecko(self, lake, exchange, aws):
        exchange.set_rules(Rules(coingecko_api_key=self.KEY))
        source = {
            "symbols": ["bitcoin"], "api_url": exchange.url_of("coingecko"), "connection_id": "coingecko_key",
            "requests_per_second": 1000,
        }  # fmt: skip
        aws.change(s3_bucket="fetch-prices-lake", sources={"coingecko": source})
        return lambda: fetch(["bitcoin"], source="coingecko", markets=None)

    def test_it_comes_from_the_connection_and_is_stored_nowhere(self, coingecko, lake, monkeypatch, task_log):
        monkeypatch.setenv("AIRFLOW_CONN_COINGECKO_KEY", json.dumps({"conn_type": "http", "password": self.KEY}))
        result = coingecko()
        assert (result["records"], result["markets"]) == (48, ["BTC/USD"])
        landed = [lake.get_object(Bucket="fetch-prices-lake", Key=key)["Body"].read() for key in keys(lake)]
        written = [*landed[:-1], landed[-1], json.dumps(result).encode(), task_log.text.encode()]
        assert not [text for text in written if self.KEY.encode() in text]
        assert not [body for body in landed[:-1] if self.KEY.encode() in gzip.decompress(body)]

    @pytest.mark.parametrize("password", [None, ""])
    def test_a_connection_without_a_password_is_refused(self, coingecko, exchange, monkeypatch, password):
        monkeypatch.setenv("AIRFLOW_CONN_COINGECKO_KEY", json.dumps({"conn_type": "http", "password": password}))
        with pytest.raises(AirflowFailException, match=r"coingecko_key has no password.*secret coingecko_key under"):
            coingecko()
        assert exchange.queries == []

    def test_a_missing_connection_is_named_and_tried_again(self, coingecko, exchange):
        """Airflow does not distinguish it from a secrets backend that does not respond."""
        with pytest.raises(RetryableSourceError, match="the Airflow connection coingecko_key is missing, or its"):
            coingecko()
        assert exchange.queries == []

    def test_a_trailing_line_break_is_not_part_of_the_key(self, coingecko, monkeypatch):
        connection = {"conn_type": "http", "password": f"{self.KEY}\n"}
        monkeypatch.setenv("AIRFLOW_CONN_COINGECKO_KEY", json.dumps(connection))
        masked = []
        monkeypatch.setattr("crypto_prices.fetch.source_client.mask_secret", masked.append)
        assert coingecko()["records"] == 48
        assert masked == [self.KEY]

    @pytest.mark.parametrize("sign", [" ", "\n", "\t", "\x00", "\u00e9"])
    def test_a_password_that_cannot_be_a_key_is_refused_without_being_shown(self, coingecko, monkeypatch, sign):
        connection = {"conn_type": "http", "password": f"{self.KEY}{sign}{self.KEY}"}
        monkeypatch.setenv("AIRFLOW_CONN_COINGECKO_KEY", json.dumps(connection))
        with pytest.raises(AirflowFailException, match="a password that is not an API key") as refusal:
            coingecko()
        assert "planted" not in str(refusal.value)

    def test_the_error_does_not_show_a_wrong_key(self, coingecko, monkeypatch, task_log):
        monkeypatch.setenv("AIRFLOW_CONN_COINGECKO_KEY", json.dumps({"conn_type": "http", "password": "wrong-key-987"}))
        with pytest.raises(AirflowFailException, match="coingecko: the source rejected the request") as refusal:
            coingecko()
        assert "wrong-key" not in str(refusal.value) + task_log.text


def test_a_long_retry_after_fails_the_task_instead_of_waiting(lake, exchange):
    exchange.faults.replace([Fault(FaultKind.RATE_LIMITED, symbol="ETHUSDT", times=None, retry_after=600)])
    with pytest.raises(RetryableSourceError) as error:
        fetch()
    assert error.value.retry_after_seconds == 600
    assert (error.value.status, len(exchange.queries)) == (429, 2)
    assert not any(key.endswith("manifest.json") for key in keys(lake))


def test_a_source_that_was_removed_from_the_settings_fails(lake):
    with pytest.raises(AirflowFailException, match="coinbase is no longer in the settings: clear the whole run"):
        fetch(source="coinbase")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"window_end": "2999-01-01"}, r"binance: the window \[2023-12-18, 2999-01-01\) has not ended"),
        ({"symbols": ["../etc"]}, "binance: '../etc' is not a market"),
    ],
)
def test_invalid_arguments_fail_before_any_request(lake, exchange, changes, message):
    with pytest.raises(AirflowFailException, match=message):
        fetch(**changes)
    assert exchange.queries == []
