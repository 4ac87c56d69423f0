import gzip
import hashlib
import json
from datetime import UTC, datetime, timedelta, timezone
from types import SimpleNamespace

import boto3
import pytest
import time_machine
from airflow.providers.common.compat.sdk import AirflowFailException
from airflow.utils.types import DagRunType
from crypto_prices.fetch.errors import RetryableSourceError
from crypto_prices.fetch.fetch_prices import FetchPricesOperator
from crypto_prices.fetch.request_retry_policy import RequestRetryPolicy
from crypto_prices.plan.resolve_window import ResolveWindowOperator
from moto import mock_aws

from local_exchange.api import Source
from local_exchange.limits import RequestLimit
from tests.support.settings_document import GOOD

LOGICAL_DATE = datetime(2023, 12, 18, tzinfo=UTC)


BUCKET = GOOD["s3_bucket"]


@pytest.fixture
def lake(monkeypatch):
    """An S3 with the lake's bucket."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("MOTO_IAM_LOAD_MANAGED_POLICIES", "false")  # moto would load them for each test
    with mock_aws():
        s3 = boto3.client("s3")
        s3.create_bucket(Bucket=BUCKET)
        yield s3
        # If an outer mock is active, moto keeps the contents of the bucket.
        for key in keys(s3):
            s3.delete_object(Bucket=BUCKET, Key=key)
        s3.delete_bucket(Bucket=BUCKET)


def keys(s3):
    return [item["Key"] for item in s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])]


@pytest.fixture
def settings(use_settings, lake, exchange):
    """Return a function that sets the settings. The sources use this test's exchange."""

    def change(**changes):
        document = GOOD | changes
        sources = {
            name: {"api_url": exchange.url_of(name)} | {key: value for key, value in source.items() if key != "api_url"}
            for name, source in document["sources"].items()
        }
        use_settings(document | {"sources": sources})

    change()
    return change


PARAMS = {
    "day": None, "force": False, "reload": False, "accepted_sources": [], "accepted_because": None, "accepted_by": None,
}  # fmt: skip


pushed = {}


def resolve(logical_date=LOGICAL_DATE, conf=None, user="ada", run_type=DagRunType.MANUAL, **arguments):
    context = {
        "dag_run": SimpleNamespace(
            logical_date=logical_date, conf=conf or {}, triggering_user_name=user, run_type=run_type
        ),
        "dag": SimpleNamespace(params=PARAMS),
        "params": PARAMS | (conf or {}),
        "ti": SimpleNamespace(xcom_push=lambda key, value: pushed.update({key: json.loads(json.dumps(value))})),
    }
    return ResolveWindowOperator(task_id="resolve_window", **arguments).execute(context)


def fetch(item):
    """Run ``fetch_prices`` with an item of ``resolve_window``."""
    return FetchPricesOperator(task_id="fetch_prices", **json.loads(json.dumps(item))).execute({})


def test_an_unknown_param_is_refused(settings):
    with pytest.raises(AirflowFailException, match="unknown params: relaod"):
        resolve(conf={"relaod": True})


def test_an_acceptance_is_logged_with_its_user_and_its_reason(settings, task_log):
    resolve(conf={"accepted_sources": ["binance"], "accepted_because": "off the grid, see their status page"})
    assert "ada accepts the rejected records of binance: off the grid, see their status page" in task_log.text


@pytest.mark.parametrize("user", [None, "grace"])
def test_a_run_that_the_audit_starts_has_the_user_who_accepted_the_day(settings, task_log, user):
    """A scheduled audit has no user. Of any other, Airflow passes the user on to the runs that it starts."""
    conf = {"accepted_sources": ["binance"], "accepted_because": "off the grid", "accepted_by": "ada"}
    resolve(conf=conf, user=user, run_type=DagRunType.OPERATOR_TRIGGERED)
    assert "ada accepts the rejected records of binance: off the grid" in task_log.text


def test_no_one_can_accept_records_in_the_name_of_another_user(settings):
    conf = {"accepted_sources": ["binance"], "accepted_because": "off the grid", "accepted_by": "ada"}
    with pytest.raises(AirflowFailException, match="accepted_by is for the runs that crypto_prices_audit starts"):
        resolve(conf=conf, user="grace")


@pytest.mark.parametrize(
    ("conf", "user", "message"),
    [
        ({"accepted_sources": ["binance"]}, "ada", "accepted_sources needs a reason"),
        ({"accepted_sources": ["binance"], "accepted_because": " "}, "ada", "accepted_sources needs a reason"),
        ({"accepted_because": "why not"}, "ada", "accepted_sources names no source"),
        ({"accepted_sources": ["kraken"], "accepted_because": "off"}, "ada", "has kraken, but the run loads binance"),
        ({"accepted_sources": ["binance"], "accepted_because": "ü" * 1001}, "ada", "more than 2000 bytes"),
        ({"accepted_sources": ["binance"], "accepted_because": "off"}, None, "needs the name of a user"),
        ({"accepted_sources": ["binance"], "accepted_because": "off"}, "a" * 257, "needs the name of a user"),
    ],
)
def test_an_acceptance_without_who_what_and_why_is_refused(settings, conf, user, message):
    with pytest.raises(AirflowFailException, match=message):
        resolve(conf=conf, user=user)


def days(items):
    return {(item["window_start"], item["window_end"]) for item in items}


def test_a_run_of_a_day_uses_all_sources_and_symbols_in_the_settings(settings, lake, exchange):
    (item,) = json.loads(json.dumps(resolve()))
    (listing,) = item.pop("listings")
    assert item == {
        "source": "binance",
        "symbols": ["BTCUSDT", "ETHUSDT"],
        "window_start": "2023-12-18",
        "window_end": "2023-12-19",
        "markets": [
            {"exchange_symbol": "BTCUSDT", "symbol": "BTC", "quote_currency": "USDT"},
            {"exchange_symbol": "ETHUSDT", "symbol": "ETH", "quote_currency": "USDT"},
        ],
        "not_before": None,
    }
    assert exchange.paths == ["/exchange/binance/api/v3/exchangeInfo"]
    (key,) = keys(lake)
    assert listing["uri"] == f"s3://{BUCKET}/{key}"
    assert key.startswith(
        "raw/crypto_prices/source=binance/year=2023/month=12/day=18/window=20231218-20231219/listing="
    )
    body = gzip.decompress(lake.get_object(Bucket=BUCKET, Key=key)["Body"].read())
    assert hashlib.sha256(body).hexdigest() == listing["sha256"]


SEVERAL = {
    "binance": {"symbols": ["BTCUSDT"]},
    "coinbase": {"symbols": ["BTC-USD"]},
    "coingecko": {"symbols": ["bitcoin"]},
}


def test_each_exchange_is_asked_once_and_coingecko_never(settings, exchange):
    settings(sources=SEVERAL)
    items = resolve()
    assert [(item["source"], item["markets"][0]["symbol"], len(item["listings"])) for item in items] == [
        ("binance", "BTC", 1), ("coinbase", "BTC", 1), ("coingecko", "BTC", 0),
    ]  # fmt: skip
    assert exchange.paths == ["/exchange/binance/api/v3/exchangeInfo", "/exchange/coinbase/products"]


@pytest.mark.parametrize(
    ("source", "symbol", "message"),
    [
        ("binance", "BTCXYZ", "binance does not list BTCXYZ"),
        ("coinbase", "BTC-XYZ", "coinbase does not list BTC-XYZ"),
        ("coingecko", "dentacoin", "'dentacoin' of coingecko is unknown"),
    ],
)
def test_an_unlisted_symbol_is_refused_before_anything_is_fetched_or_stored(
    settings, lake, exchange, source, symbol, message
):
    settings(sources=SEVERAL | {source: {"symbols": [*SEVERAL[source]["symbols"], symbol]}})
    with pytest.raises(AirflowFailException, match=message):
        resolve()
    assert all("klines" not in path and "candles" not in path for path in exchange.paths)
    assert keys(lake) == []


def test_an_exchange_that_does_not_respond_does_not_hold_back_the_others(settings, exchange, task_log, monkeypatch):
    monkeypatch.setattr("crypto_prices.plan.resolve_window._ASKING", RequestRetryPolicy(max_attempts=1))
    settings(sources=SEVERAL)
    exchange.limits.replace({Source.BINANCE: RequestLimit(0.001)})
    exchange.limits.take(Source.BINANCE)
    binance, coinbase, _ = resolve()
    assert (binance["markets"], binance["listings"], binance["symbols"]) == (None, [], ["BTCUSDT"])
    assert coinbase["markets"]
    assert "binance did not name base and quote of its markets, fetch_prices asks again" in task_log.text


def test_no_request_is_sent_during_the_wait_that_an_exchange_requests(settings, exchange):
    """A ban (Binance, HTTP 418) becomes longer with each request."""
    settings(sources=SEVERAL)
    exchange.limits.replace({Source.BINANCE: RequestLimit(1 / 600)})
    exchange.limits.take(Source.BINANCE)
    binance, coinbase, _ = resolve()
    assert coinbase["not_before"] is None
    not_before = datetime.fromisoformat(binance["not_before"])
    asked = [path for path in exchange.paths if "binance" in path]
    assert asked == ["/exchange/binance/api/v3/exchangeInfo"]
    with time_machine.travel(not_before - timedelta(seconds=100), tick=False):
        with pytest.raises(RetryableSourceError, match="binance requested a wait until") as error:
            fetch(binance)
        assert error.value.retry_after_seconds == 100
    assert [path for path in exchange.paths if "binance" in path] == asked
    exchange.limits.clear()
    with time_machine.travel(not_before, tick=False):
        assert fetch(binance)["records"] == 24
    assert [path for path in exchange.paths if "binance" in path] == [
        *asked, "/exchange/binance/api/v3/exchangeInfo", "/exchange/binance/api/v3/klines",
    ]  # fmt: skip


def test_a_market_that_is_no_longer_listed_is_loaded_under_the_stated_name(settings, exchange):
    settings(sources={"binance": {"symbols": ["BTCUSDT", "BCCUSDT"], "markets": {"BCCUSDT": "BCC/USDT"}}})
    (item,) = resolve(day="2018-01-05")
    assert [market["symbol"] for market in item["markets"]] == ["BTC", "BCH"]


LUNA = {"binance": {"symbols": ["LUNAUSDT", "BTCUSDT"], "markets": {"LUNAUSDT": "LUNA/USDT"}}}


@pytest.mark.parametrize(("day", "symbol"), [("2022-05-01", "LUNC"), ("2022-06-01", "LUNA")])
def test_a_reused_name_is_the_coin_of_the_day(settings, day, symbol):
    settings(sources=LUNA)
    assert [market["symbol"] for market in resolve(day=day)[0]["markets"]] == [symbol, "BTC"]


def test_the_next_tasks_get_all_markets_of_the_run_on_all_days(settings):
    settings(sources=LUNA | {"coinbase": {"symbols": ["BTC-USD"]}})
    resolve(day="2022-05-01")
    names = ("source", "symbol", "quote_currency", "candle_interval", "used_from", "used_until")
    assert pushed["expected_markets"] == [
        dict(zip(names, market, strict=True))
        for market in (
            ("binance", "BTC", "USDT", "1h", None, None),
            ("binance", "LUNA", "USDT", "1h", "2022-05-28", None),
            ("binance", "LUNC", "USDT", "1h", None, "2022-05-28"),
            ("coinbase", "BTC", "USD", "1h", None, None),
        )
    ]


def test_a_window_never_holds_two_coins_under_one_name(settings, lake):
    settings(sources=LUNA)
    with pytest.raises(AirflowFailException, match=r"LUNAUSDT of binance is LUNC/USDT until 2022-05-28"):
        resolve(None, start="2022-05-01", end="2022-06-01")
    assert keys(lake) == []


def test_symbols_that_the_exchange_did_not_use_then_are_left_out_and_logged(settings, task_log):
    settings(sources={"binance": {"symbols": ["BTCUSDT", "BCCUSDT"], "markets": {"BCCUSDT": "BCC/USDT"}}})
    (item,) = resolve()
    assert [market["symbol"] for market in item["markets"]] == ["BTC"]
    assert "binance did not use the names of BCCUSDT then" in task_log.text
    with pytest.raises(AirflowFailException, match=r"no exchange used the names of the symbols in \[2023-12-18"):
        resolve(symbols='["BCCUSDT"]')


def test_a_window_that_cannot_be_fetched_in_time_is_refused_before_any_request(settings, exchange):
    symbols = [f"C{number}USDT" for number in range(1702)]
    settings(sources={"binance": {"symbols": symbols, "requests_per_second": 0.4}})
    with pytest.raises(
        AirflowFailException, match=r"at least 1702 requests for 1702 symbols .* at least 70 minutes, but .* 60"
    ):
        resolve()
    assert exchange.paths == []


def test_the_day_of_a_logical_date_is_its_utc_day(settings):
    east = timezone(timedelta(hours=9))
    assert days(resolve(datetime(2023, 12, 19, 3, tzinfo=east))) == {("2023-12-18", "2023-12-19")}


def test_the_param_day_takes_precedence_over_the_logical_date(settings):
    assert days(resolve(day="2022-01-31")) == {("2022-01-31", "2022-02-01")}
    assert days(resolve(None, day="2022-01-31")) == {("2022-01-31", "2022-02-01")}


def test_start_and_end_make_a_window_of_many_days(settings):
    assert days(resolve(None, start="2023-12-01", end="2024-01-01")) == {("2023-12-01", "2024-01-01")}


def test_the_symbols_can_be_restricted(settings):
    (item,) = resolve(symbols='["ETHUSDT"]', sources='["binance"]')
    assert item["symbols"] == ["ETHUSDT"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"logical_date": None}, "neither a logical date nor the param day"),
        ({"day": "18.12.2023"}, "'18.12.2023' is not a day"),
        ({"start": "2023-12-18"}, "'' is not a day"),
        ({"start": "2023-12-18", "end": "2023-12-18"}, "must end after it starts"),
        ({"sources": '["coinbase"]'}, "no source coinbase: use binance"),
        ({"symbols": '["SOLUSDT"]'}, "no symbol SOLUSDT for binance"),
        ({"day": "2999-01-01"}, "has not ended"),
        ({"start": "2023-12-18", "end": "2999-01-01"}, "has not ended"),
        ({"start": "2020-01-01", "end": "2023-01-01"}, r"\[2020-01-01, 2023-01-01\) is too long"),
    ],
)
def test_errors_that_a_retry_would_repeat_fail_immediately(settings, arguments, message):
    with pytest.raises(AirflowFailException, match=message):
        resolve(**arguments)


def test_a_day_can_be_fetched_from_the_moment_of_its_end(settings):
    midnight = datetime(2023, 12, 19, tzinfo=UTC)
    with (
        time_machine.travel(midnight - timedelta(seconds=1), tick=False),
        pytest.raises(AirflowFailException, match="Fetch it at 2023-12-19T00:00:00Z or later"),
    ):
        resolve()
    with time_machine.travel(midnight, tick=False):
        assert resolve()


def test_missing_settings_fail_and_the_variable_is_named():
    with pytest.raises(AirflowFailException, match="Variable crypto_prices_settings is missing"):
        resolve()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"s3_bucket": "Upper"}, "s3_bucket"),
        ({"sources": {"nowhere": {"symbols": ["BTCUSDT"]}}}, "source 'nowhere' does not exist"),
        ({"sources": {"binance": {"symbols": ["BTC-USD"]}}}, "'BTC-USD' is not a market of binance"),
        ({"candle_interval": "7m"}, "binance has no candles of '7m'"),
    ],
)
def test_wrong_settings_fail_and_are_named(settings, changes, message):
    settings(**changes)
    with pytest.raises(AirflowFailException, match=message):
        resolve()


def test_all_settings_are_checked_even_if_only_some_are_used(settings):
    settings(sources={"binance": {"symbols": ["BTCUSDT", "BTC-XYZ"]}})
    with pytest.raises(AirflowFailException, match="BTC-XYZ"):
        resolve(symbols='["BTCUSDT"]')
