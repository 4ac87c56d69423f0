from __future__ import annotations

import gzip
from datetime import UTC, datetime
from pathlib import Path

import pytest
from werkzeug.test import Client

from local_exchange.bitstamp import Bitstamp
from local_exchange.candles import COINS, GeneratedCandles
from local_exchange.faults import FaultPlan
from local_exchange.server import create_exchange

NOW = datetime(2023, 12, 20, 12, 5, tzinfo=UTC)
NOW_MS = int(NOW.timestamp()) * 1000
START = 1702857600  # 2023-12-18T00:00:00Z
HOUR = 3600
DAY = {"step": HOUR, "start": START, "end": START + 23 * HOUR, "limit": 24}


@pytest.fixture
def client() -> Client:
    return Client(create_exchange(None, FaultPlan(), now=lambda: NOW))


def ohlc(client: Client, market="btcusd", **params):
    query = {name: value for name, value in {**DAY, **params}.items() if value is not None}
    return client.get(f"/exchange/bitstamp/api/v2/ohlc/{market}/", query_string=query)


def times(answer) -> list[int]:
    return [int(candle["timestamp"]) for candle in answer.json["data"]["ohlc"]]


def recorded(folder: Path, *lines: str) -> Client:
    text = "\n".join(["open_time_ms,open,high,low,close,volume", *lines, ""])
    (folder / "ABCUSDT.csv.gz").write_bytes(gzip.compress(text.encode()))
    return Client(create_exchange(folder, FaultPlan()))


def test_the_markets_name_base_and_counter_currency(client):
    markets = {market["market_symbol"]: market for market in client.get("/exchange/bitstamp/api/v2/markets/").json}
    assets = {name.removesuffix("USDT").lower() for name in COINS if name.endswith("USDT")}
    assert markets.keys() == {f"{asset}usd" for asset in assets} | {"usdtusd", "btcusdt", "ethusdt"}
    assert (markets["usdtusd"]["base_currency"], markets["btcusdt"]["counter_currency"]) == ("USDT", "USDT")
    assert (markets["shibusd"]["base_currency"], markets["shibusd"]["counter_currency"]) == ("SHIB", "USD")
    assert {market["market_type"] for market in markets.values()} == {"SPOT"}


def test_a_day_of_candles_oldest_first_as_texts_in_the_books_digits(client):
    answer = ohlc(client)
    assert (answer.status_code, answer.json["data"]["pair"]) == (200, "BTC/USD")
    assert times(answer) == [START + hour * HOUR for hour in range(24)]
    book = GeneratedCandles(Bitstamp.premium)
    (kline,) = book.candles("BTCUSDT", "1h", start_ms=START * 1000, end_ms=None, limit=1, now_ms=NOW_MS)
    _, open_price, high, low, close, volume = kline[:6]
    assert answer.json["data"]["ohlc"][0] == {
        "timestamp": str(START),
        "open": open_price,
        "high": high,
        "low": low,
        "close": close,
        "volume": volume,
    }


def test_the_end_is_the_last_candle_and_the_limit_decides_where_a_response_begins(client):
    assert times(ohlc(client, start=START + 5 * HOUR, end=START + 10 * HOUR, limit=2)) == [
        START + 9 * HOUR,
        START + 10 * HOUR,
    ]
    assert times(ohlc(client, start=START, end=START + 10 * HOUR, limit=12))[0] == START - HOUR
    assert times(ohlc(client, start=START, end=None, limit=2)) == [START, START + HOUR]
    assert times(ohlc(client, start=None, end=None, limit=2))[-1] == int(NOW.timestamp()) // HOUR * HOUR


@pytest.mark.parametrize("step", [60, 180, 300, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400, 259200])
def test_every_step(client, step):
    end = START // step * step
    assert times(ohlc(client, step=step, start=None, end=end, limit=3)) == [end - 2 * step, end - step, end]


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        ({"step": None}, "Missing data for required field."),
        ({"limit": None}, "Missing data for required field."),
        ({"step": 1}, "Not a valid choice."),
        ({"step": "1h"}, "Not a valid choice."),
        ({"exclude_current_candle": "true"}, "Not a valid choice."),
        ({"limit": 1001}, "Must be between 1 and 1000."),
        ({"limit": 0}, "Must be between 1 and 1000."),
        ({"start": "x"}, "Not a valid integer."),
        ({"end": -1}, "Not a valid integer."),
    ],
)
def test_wrong_parameters_are_refused(client, params, reason):
    answer = ohlc(client, **params)
    assert answer.status_code == 400
    assert answer.json == {"status": "error", "reason": reason, "response_code": "400.001"}


@pytest.mark.parametrize("market", ["nopeusd", "BTCUSD", "btc-usd", "ethbtc"])
def test_an_unknown_market(client, market):
    answer = ohlc(client, market)
    assert (answer.status_code, answer.json["response_code"]) == (404, "404.003")


def test_other_paths_are_refused_in_bitstamps_format(client):
    answer = client.get("/exchange/bitstamp/api/v2/ticker/btcusd/")
    assert (answer.status_code, answer.json["status"]) == (404, "error")


def test_hours_without_a_trade_have_volume_0_and_the_last_price(tmp_path: Path):
    hours = ["1,9,1,7.10,5", "8,8,8,8,0.000", "3,3,3,3,0", "4,4,4,4,2"]
    client = recorded(tmp_path, *(f"{START + hour * HOUR}000,{values}" for hour, values in enumerate(hours)))
    candles = ohlc(client, "abcusd").json["data"]["ohlc"]
    assert [(candle["open"], candle["high"], candle["close"], candle["volume"]) for candle in candles] == [
        ("1", "9", "7.10", "5"),
        ("7.10", "7.10", "7.10", "0.000"),
        ("7.10", "7.10", "7.10", "0"),
        ("4", "4", "4", "2"),
    ]


def test_a_response_reaches_back_further_if_hours_are_missing(tmp_path: Path):
    client = recorded(tmp_path, *(f"{START + hour * HOUR}000,1,1,1,1,1" for hour in (0, 1, 2, 5, 6)))
    asked = {"start": START + 4 * HOUR, "end": START + 6 * HOUR, "limit": 3}
    assert times(ohlc(client, "abcusd", **asked)) == [START + hour * HOUR for hour in (2, 5, 6)]
