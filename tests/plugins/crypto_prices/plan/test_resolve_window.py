from datetime import UTC, datetime, timedelta, timezone
from types import SimpleNamespace

import pytest
import time_machine
from airflow.providers.common.compat.sdk import AirflowFailException
from crypto_prices.plan.resolve_window import ResolveWindowOperator

from tests.support.settings_document import GOOD

LOGICAL_DATE = datetime(2023, 12, 18, tzinfo=UTC)


@pytest.fixture
def settings(use_settings):
    def change(**changes):
        use_settings(GOOD | changes)

    change()
    return change


def resolve(logical_date=LOGICAL_DATE, conf=None, **arguments):
    context = {
        "dag_run": SimpleNamespace(logical_date=logical_date, conf=conf or {}),
        "dag": SimpleNamespace(params={"day": None, "force": False, "reload": False}),
    }
    return ResolveWindowOperator(task_id="resolve_window", **arguments).execute(context)


def test_an_unknown_param_is_refused(settings):
    with pytest.raises(AirflowFailException, match="unknown params: relaod"):
        resolve(conf={"relaod": True})


def days(items):
    return {(item["window_start"], item["window_end"]) for item in items}


def test_a_run_of_a_day_uses_all_sources_and_symbols_in_the_settings(settings):
    assert resolve() == [
        {
            "source": "binance",
            "symbols": ["BTCUSDT", "ETHUSDT"],
            "window_start": "2023-12-18",
            "window_end": "2023-12-19",
        }
    ]


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
        ({"sources": {"binance": {"symbols": ["BTCXYZ"]}}}, "quote currency of 'BTCXYZ' is unknown"),
        ({"sources": {"binance": {"symbols": ["BTC-USD"]}}}, "'BTC-USD' is not a market of binance"),
        ({"candle_interval": "7m"}, "binance has no candles of '7m'"),
    ],
)
def test_wrong_settings_fail_and_are_named(settings, changes, message):
    settings(**changes)
    with pytest.raises(AirflowFailException, match=message):
        resolve()


def test_all_settings_are_checked_even_if_only_some_are_used(settings):
    settings(sources={"binance": {"symbols": ["BTCUSDT", "BTCXYZ"]}})
    with pytest.raises(AirflowFailException, match="BTCXYZ"):
        resolve(symbols='["BTCUSDT"]')
