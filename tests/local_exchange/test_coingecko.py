from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest
from werkzeug.test import Client

from local_exchange.candles import GeneratedCandles
from local_exchange.coingecko import COINS, CoinGecko
from local_exchange.faults import FaultPlan
from local_exchange.rules import Rules
from local_exchange.server import create_exchange

NOW = datetime(2023, 12, 20, 12, 30, tzinfo=UTC)
START = 1702857600  # 2023-12-18T00:00:00Z
HOUR, DAY = 3600, 86400
ONE_DAY = {"vs_currency": "usd", "from": START, "to": START + DAY - 1}
TABLES = ("prices", "market_caps", "total_volumes")


@pytest.fixture
def client() -> Client:
    return Client(create_exchange(None, FaultPlan(), now=lambda: NOW))


def chart(client: Client, coin="bitcoin", headers=None, **params):
    params = {name.removeprefix("_"): value for name, value in params.items()}
    query = {name: value for name, value in {**ONE_DAY, **params}.items() if value is not None}
    return client.get(
        f"/exchange/coingecko/api/v3/coins/{coin}/market_chart/range", query_string=query, headers=headers
    )


def times(answer, table="prices"):
    return [point[0] for point in answer.json[table]]


def exact(answer):
    """Return the tables, with each number as its JSON text."""
    return json.loads(answer.data, parse_float=str, parse_int=str)


def klines(symbol="BTCUSDT", start=START, end=START + DAY - 1, interval="1h"):
    return GeneratedCandles(CoinGecko.premium).candles(
        symbol, interval, start_ms=start * 1000, end_ms=end * 1000, limit=1000, now_ms=int(NOW.timestamp()) * 1000
    )


def recorded(folder: Path, *lines: str) -> Client:
    text = "\n".join(["open_time_ms,open,high,low,close,volume", *lines, ""])
    (folder / "BTCUSDT.csv.gz").write_bytes(gzip.compress(text.encode()))
    return Client(create_exchange(folder, FaultPlan()))


# --- points ----------------------------------------------------------------------------------------------------------


def test_a_day_of_points_oldest_first(client):
    answer = chart(client)
    assert answer.status_code == 200
    assert answer.content_type.startswith("application/json")
    assert list(answer.json) == list(TABLES)
    assert len(answer.json["prices"]) == 24
    assert times(answer) == times(answer, "market_caps") == times(answer, "total_volumes")


def test_hourly_points_follow_the_hour_by_seconds_and_are_always_the_same(client):
    delays = [time - (START + hour * HOUR) * 1000 for hour, time in enumerate(times(chart(client)))]
    assert all(1_000 <= delay < 60_000 for delay in delays)
    assert len(set(delays)) == 24
    assert times(chart(client, _from=START + 3 * HOUR)) == times(chart(client))[3:]
    assert times(chart(client, "ethereum")) != times(chart(client))


def test_both_ends_are_included_to_the_second(client):
    first, *_, last = times(chart(client))
    assert times(chart(client, _from=first // 1000, to=last // 1000 + 1)) == times(chart(client))
    assert times(chart(client, _from=first // 1000 + 1, to=last // 1000)) == times(chart(client))[1:-1]


def test_a_price_is_the_open_price_of_its_hour_in_the_books_digits(client):
    assert [price for _, price in exact(chart(client))["prices"]] == [row[1] for row in klines()]


def test_a_market_cap_is_the_price_times_the_supply(client):
    tables = exact(chart(client, "shiba-inu"))
    for (_, price), (_, cap) in zip(tables["prices"], tables["market_caps"], strict=True):
        assert Decimal(cap) == Decimal(price) * COINS["shiba-inu"].supply


def test_a_volume_is_the_turnover_of_the_24_hours_before(client):
    hours = klines(start=START - DAY)
    traded = [(Decimal(row[5]) * Decimal(row[4])).quantize(Decimal("1e-8")) for row in hours]
    volumes = [Decimal(volume) for _, volume in exact(chart(client))["total_volumes"]]
    assert volumes == [sum(traded[hour : hour + 24]) for hour in range(24)]


@pytest.mark.parametrize(
    ("start", "end", "step"),
    [
        (NOW - timedelta(hours=24), NOW, 300),
        (NOW - timedelta(hours=3), NOW - timedelta(hours=1), 300),
        (NOW - timedelta(hours=24, seconds=1), NOW - timedelta(hours=12), HOUR),
        (NOW - timedelta(days=30), NOW - timedelta(days=29), HOUR),
        (NOW - timedelta(days=90), NOW, HOUR),
        (NOW - timedelta(days=90, seconds=1), NOW, DAY),
        (NOW - timedelta(days=300), NOW, DAY),
    ],
)
def test_the_granularity_follows_from_the_range(client, start, end, step):
    points = times(chart(client, _from=int(start.timestamp()), to=int(end.timestamp())))
    assert {time // 1000 // step - before // 1000 // step for before, time in pairwise(points)} == {1}
    assert abs(len(points) - (end - start).total_seconds() / step) <= 1


def test_five_minute_prices_are_the_open_prices_of_five_minute_candles(client):
    start = int(NOW.timestamp()) - 2 * HOUR
    prices = [price for _, price in exact(chart(client, _from=start, to=start + HOUR - 1))["prices"]]
    assert prices == [row[1] for row in klines(start=start, end=start + HOUR - 1, interval="5m")]


def test_daily_points_are_at_midnight(client):
    answer = chart(client, _from=START - 99 * DAY, to=START)
    assert times(answer) == [(START - day * DAY) * 1000 for day in reversed(range(100))]
    assert exact(answer)["prices"][-1][1] == klines()[0][1]


def test_the_daily_interval_can_be_requested(client):
    assert times(chart(client, to=START + DAY, interval="daily")) == [START * 1000, (START + DAY) * 1000]
    assert len(times(chart(client, interval=""))) == 24


@pytest.mark.parametrize(("minutes", "there"), [(34, False), (35, True)])
def test_a_days_point_is_available_35_minutes_after_midnight(minutes, there):
    now = datetime(2023, 12, 18, 0, minutes, tzinfo=UTC)
    client = Client(create_exchange(None, FaultPlan(), now=lambda: now))
    assert (START * 1000 in times(chart(client, _from=START - DAY, to=START, interval="daily"))) is there


def test_points_of_the_future_do_not_exist(client):
    assert chart(client, _from="2031-01-01", to="2031-01-02").json == {name: [] for name in TABLES}
    last = times(chart(client, _from="2023-12-19", to="2023-12-30"))[-1]
    assert int(NOW.timestamp()) * 1000 - HOUR * 1000 < last <= int(NOW.timestamp()) * 1000


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2023-12-18", "2023-12-18T23:59"),
        ("2023-12-18T00:00", str(START + DAY - 1)),
        ("2023-12-18T00:00Z", "2023-12-19"),
    ],
)
def test_times_can_be_iso_dates(client, start, end):
    assert chart(client, _from=start, to=end).json == chart(client).json


def test_history_begins_in_2013(client):
    assert times(chart(client, _from=0, to="2013-05-01", interval="daily"))[0] == 1367107200000


def test_prices_are_rounded_to_the_precision(client):
    full = [Decimal(price) for _, price in exact(chart(client, "dogecoin", precision="full"))["prices"]]
    rounded = [price for _, price in exact(chart(client, "dogecoin", precision="3"))["prices"]]
    assert all(len(price.partition(".")[2]) == 3 for price in rounded)
    assert all(abs(Decimal(short) - long) <= Decimal("0.0005") for short, long in zip(rounded, full, strict=True))
    assert all("." not in price for _, price in exact(chart(client, precision="0"))["prices"])


def test_every_coin_can_be_requested(client):
    asked = "bitcoin ethereum solana ripple cardano dogecoin litecoin polkadot chainlink avalanche-2 tron binancecoin"
    for coin in (*asked.split(), "shiba-inu"):
        assert len(times(chart(client, coin))) == 24


# --- errors ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["vs_currency", "from", "to"])
def test_a_missing_parameter(client, name):
    answer = chart(client, **{f"_{name}": None})
    assert (answer.status_code, answer.json) == (422, {"error": f"Missing parameter {name}"})


@pytest.mark.parametrize("coin", ["nosuchcoin", "BTC", "Bitcoin"])
def test_an_unknown_coin(client, coin):
    answer = chart(client, coin)
    assert (answer.status_code, answer.json) == (404, {"error": "coin not found"})


def test_an_unknown_currency(client):
    answer = chart(client, vs_currency="eur")
    assert (answer.status_code, answer.json) == (400, {"error": "invalid vs_currency"})
    assert chart(client, vs_currency="USD").status_code == 200


@pytest.mark.parametrize("interval", ["hourly", "5m"])
def test_the_intervals_of_paid_plans_are_refused(client, interval):
    answer = chart(client, interval=interval)
    assert answer.status_code == 401
    assert answer.json["status"]["timestamp"] == "2023-12-20T12:30:00.000+00:00"
    assert answer.json["status"]["error_code"] == 10005
    assert answer.json["status"]["error_message"].startswith(f"interval={interval} is exclusive to Enterprise plan")


@pytest.mark.parametrize(
    "params",
    [
        {"_from": "yesterday"},
        {"to": "2023-13-01"},
        {"_from": "-1"},
        {"_from": START + DAY, "to": START},
        {"precision": "19"},
        {"precision": "many"},
        {"interval": "weekly"},
    ],
)
def test_invalid_requests_are_rejected_in_coingeckos_format(client, params):
    answer = chart(client, **params)
    assert answer.status_code == 400
    assert set(answer.json) == {"error"}


def test_other_paths_and_methods_are_rejected(client):
    for answer, status in (
        (client.get("/exchange/coingecko/api/v3/coins/bitcoin/ohlc"), 404),
        (client.get("/exchange/coingecko/coins/bitcoin/market_chart/range"), 404),
        (client.post("/exchange/coingecko/api/v3/coins/bitcoin/market_chart/range"), 405),
    ):
        assert answer.status_code == status
        assert set(answer.json) == {"error"}


# --- rules that can be switched --------------------------------------------------------------------------------------


def test_by_default_no_key_is_needed_and_any_key_is_accepted(client):
    assert chart(client).status_code == 200
    assert chart(client, headers={"x-cg-demo-api-key": "CG-any"}).status_code == 200


def test_a_configured_key_is_required():
    client = Client(create_exchange(None, FaultPlan(), rules=Rules(coingecko_api_key="CG-right"), now=lambda: NOW))
    assert chart(client, headers={"x-cg-demo-api-key": "CG-right"}).status_code == 200
    assert chart(client, x_cg_demo_api_key="CG-right").status_code == 200
    for answer in (
        chart(client),
        chart(client, headers={"x-cg-demo-api-key": "CG-wrong"}),
        chart(client, "nosuchcoin"),
    ):
        assert answer.status_code == 401
        assert answer.json["status"]["timestamp"] == "2023-12-20T12:30:00.000+00:00"
        assert answer.json["status"]["error_code"] == 10002
        assert answer.json["status"]["error_message"].startswith("API Key Missing")
    client.put("/exchange/_rules", json={"coingecko_api_key": None})
    assert chart(client).status_code == 200


def test_the_past_365_days_only(client):
    year_ago = int(NOW.timestamp()) - 365 * DAY
    old = {"_from": year_ago - 1, "to": year_ago + DAY}
    assert chart(client, **old).status_code == 200
    client.put("/exchange/_rules", json={"coingecko_past_365_days_only": True})
    answer = chart(client, **old)
    assert answer.status_code == 401
    assert list(answer.json) == ["error"]
    status = answer.json["error"]["status"]
    assert (status["timestamp"], status["error_code"]) == ("2023-12-20T12:30:00.000+00:00", 10012)
    assert status["error_message"].startswith(
        "Your request exceeds the allowed time range. Public API users are limited to querying historical data within "
        "the past 365 days."
    )
    assert chart(client, _from=year_ago, to=year_ago + DAY).status_code == 200


# --- recorded candles ------------------------------------------------------------------------------------------------


def test_recorded_candles_keep_their_digits(tmp_path: Path):
    client = recorded(
        tmp_path,
        f"{START}000,43000.1000000000000000001,43500,42900,43100.5,7.25",
        f"{START + HOUR}000,43100.123456789012,43500,42900,43200,1",
        f"{START + 3 * HOUR}000,43200,43500,42900,43300,1",
    )
    tables = exact(chart(client))
    assert [price for _, price in tables["prices"]] == ["43000.1000000000000000001", "43100.123456789012", "43200"]
    assert Decimal(tables["market_caps"][1][1]) == Decimal("43100.123456789012") * COINS["bitcoin"].supply
    first = Decimal("7.25") * Decimal("43100.5")
    assert [Decimal(volume) for _, volume in tables["total_volumes"]] == [0, first, first + 43200]
    # The point of 02:00 is missing because its candle is missing.
    assert [int(time) // 1000 // HOUR - START // HOUR for time, _ in tables["prices"]] == [0, 1, 3]
    assert exact(chart(client, interval="daily"))["prices"] == [[f"{START}000", "43000.1000000000000000001"]]
    assert chart(client, "ethereum").status_code == 404


def test_recorded_candles_have_no_five_minute_points(tmp_path: Path):
    client = recorded(tmp_path, f"{START}000,1,1,1,1,1")
    now = int(datetime.now(UTC).timestamp())
    answer = chart(client, _from=now - HOUR, to=now)
    assert answer.status_code == 400
    assert "5m" in answer.json["error"]


def test_a_recorded_number_that_json_cannot_hold_is_not_served(tmp_path: Path):
    answer = chart(recorded(tmp_path, f"{START}000,NaN,1,1,1,1"))
    assert answer.status_code == 500
    assert "NaN" in answer.json["error"]
