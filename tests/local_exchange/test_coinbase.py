from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from werkzeug.test import Client

from local_exchange.candles import COINS, GeneratedCandles
from local_exchange.coinbase import Coinbase
from local_exchange.faults import FaultPlan
from local_exchange.rules import Rules
from local_exchange.server import create_exchange

NOW = datetime(2023, 12, 20, 12, 5, tzinfo=UTC)
NOW_MS = int(NOW.timestamp()) * 1000
START = 1702857600  # 2023-12-18T00:00:00Z
HOUR = 3600
DAY = {"granularity": HOUR, "start": "2023-12-18T00:00:00Z", "end": "2023-12-18T23:59:59Z"}
TOO_MANY = {
    "message": "granularity too small for the requested time range. Count of aggregations requested exceeds 300"
}


@pytest.fixture
def client() -> Client:
    return Client(create_exchange(None, FaultPlan(), rules=Rules(coinbase_rows_before_start=False), now=lambda: NOW))


def candles(client: Client, product="BTC-USD", **params):
    query = {name: value for name, value in {**DAY, **params}.items() if value is not None}
    return client.get(f"/exchange/coinbase/products/{product}/candles", query_string=query)


def exact(answer):
    """Return the rows, with each number as its JSON text."""
    return json.loads(answer.data, parse_float=str, parse_int=str)


def recorded(folder: Path, *lines: str) -> Client:
    text = "\n".join(["open_time_ms,open,high,low,close,volume", *lines, ""])
    (folder / "ABCUSDT.csv.gz").write_bytes(gzip.compress(text.encode()))
    return Client(create_exchange(folder, FaultPlan(), rules=Rules(coinbase_rows_before_start=False)))


def test_the_products_name_base_and_quote(client):
    products = {product["id"]: product for product in client.get("/exchange/coinbase/products").json}
    assets = {name.removesuffix("USDT") for name in COINS if name.endswith("USDT")} - {"USDC"}
    assert products.keys() == {f"{asset}-USD" for asset in assets} | {"USDT-USD", "BTC-USDT", "ETH-USDT"}
    assert (products["BTC-USDT"]["base_currency"], products["BTC-USDT"]["quote_currency"]) == ("BTC", "USDT")
    assert (products["BTC-USD"]["base_currency"], products["BTC-USD"]["quote_currency"]) == ("BTC", "USD")


def test_a_day_of_candles_newest_first(client):
    answer = candles(client)
    assert answer.status_code == 200
    assert answer.content_type.startswith("application/json")
    assert [row[0] for row in answer.json] == [START + hour * HOUR for hour in reversed(range(24))]


def test_a_row_is_time_low_high_open_close_volume_in_the_books_digits(client):
    (row,) = exact(candles(client, end="2023-12-18T00:59:59Z"))
    book = GeneratedCandles(Coinbase.premium)
    (kline,) = book.candles("BTCUSDT", "1h", start_ms=START * 1000, end_ms=None, limit=1, now_ms=NOW_MS)
    _, open_price, high, low, close, volume = kline[:6]
    assert row == [str(START), low, high, open_price, close, volume]
    assert all(isinstance(value, int | float) for value in candles(client).json[0])


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2023-12-18T00:00:00Z", "2023-12-18T02:00:00Z"),
        ("2023-12-18T00:00:00.00000Z", "2023-12-18T02:00:00.00000Z"),
        ("2023-12-18T00:00:00", "2023-12-18T02:00:00"),
        ("2023-12-18", "2023-12-18T02:00"),
        ("2023-12-18T01:00:00+01:00", "2023-12-18T03:00:00+01:00"),
        (str(START), str(START + 2 * HOUR)),
    ],
)
def test_both_ends_are_included_however_they_are_written(client, start, end):
    assert [row[0] for row in candles(client, start=start, end=end).json] == [START + 2 * HOUR, START + HOUR, START]


def test_a_candle_that_opened_before_the_start_is_not_in_the_range(client):
    rows = candles(client, start=START + 1, end=START + 2 * HOUR - 1).json
    assert [row[0] for row in rows] == [START + HOUR]


@pytest.mark.parametrize("seconds", [60, 300, 900, 3600, 21600, 86400])
def test_every_granularity(client, seconds):
    rows = candles(client, granularity=seconds, start=START - 4 * seconds, end=START).json
    assert [row[0] for row in rows] == [START - number * seconds for number in range(5)]


@pytest.mark.parametrize("granularity", ["0", "120", "1800", "7200", "14400", "1h", "3600.0", "-60", ""])
def test_other_granularities_are_refused(client, granularity):
    answer = candles(client, granularity=granularity)
    assert (answer.status_code, answer.json) == (400, {"message": "Unsupported granularity"})


def test_the_default_granularity_is_a_minute(client):
    rows = candles(client, granularity=None, end="2023-12-18T00:01:00Z").json
    assert [row[0] for row in rows] == [START + 60, START]


@pytest.mark.parametrize("params", [{"start": None, "end": None}, {"start": None}, {"end": None}, {"end": ""}])
def test_one_end_alone_is_ignored(client, params):
    rows = candles(client, **params).json
    # The candle of the current hour has no trades yet, five minutes after it opened.
    assert len(rows) == 299
    assert rows[0][0] == int(NOW.timestamp()) // HOUR * HOUR - HOUR
    assert rows[-1][0] == rows[0][0] - 298 * HOUR


def test_unknown_parameters_are_ignored(client):
    assert candles(client, limit=1).json == candles(client).json


def test_at_most_three_hundred_candles_can_be_requested(client):
    assert len(candles(client, start=START - 300 * HOUR, end=START - HOUR).json) == 300
    refused = candles(client, start=START - 300 * HOUR, end=START)
    assert (refused.status_code, refused.json) == (400, TOO_MANY)
    assert candles(client, start=0, end="9" * 20).json == TOO_MANY


def test_candles_of_the_future_do_not_exist(client):
    assert candles(client, start="2031-01-01", end="2031-01-02").json == []
    rows = candles(client, start="2023-12-20T11:00:00Z", end="2023-12-21T11:00:00Z").json
    assert [row[0] for row in rows] == [START + 59 * HOUR]


@pytest.mark.parametrize("product", ["NOSUCH-USD", "BTC-EUR", "BTCUSDT", "SOL-USDT", "USDC-USD", "btc-usd", "-USD"])
def test_an_unknown_product(client, product):
    answer = candles(client, product)
    assert (answer.status_code, answer.json) == (404, {"message": "NotFound"})


def test_every_usdt_market_is_a_product(client):
    for symbol in (name for name in COINS if name.endswith("USDT") and name != "USDCUSDT"):
        assert len(candles(client, symbol.replace("USDT", "-USD")).json) == 24


@pytest.mark.parametrize(
    "params",
    [{"start": "yesterday"}, {"end": "2023-13-01"}, {"start": "-1"}, {"start": "1" * 21}, {"start": START, "end": 1}],
)
def test_invalid_times_are_rejected_in_coinbases_format(client, params):
    answer = candles(client, **params)
    assert answer.status_code == 400
    assert set(answer.json) == {"message"}


def test_other_paths_and_methods_are_rejected(client):
    for answer, status in (
        (client.get("/exchange/coinbase/products/BTC-USD"), 404),
        (client.get("/exchange/coinbase/products/BTC-USD/trades"), 404),
        (client.post("/exchange/coinbase/products/BTC-USD/candles"), 405),
    ):
        assert answer.status_code == status
        assert set(answer.json) == {"message"}


# --- rows before the start -------------------------------------------------------------------------------------------


def hours_before_start(client: Client, product: str, start: int, hours: int = 24) -> int:
    rows = candles(client, product, start=start, end=start + hours * HOUR - 1).json
    assert [row[0] for row in rows] == sorted((row[0] for row in rows), reverse=True)
    return sum(row[0] < start for row in rows)


def test_some_responses_end_with_the_candle_before_the_start():
    client = Client(create_exchange(None, FaultPlan(), now=lambda: NOW))
    counts = {
        (product, day): hours_before_start(client, product, START - day * 24 * HOUR)
        for product in ("BTC-USD", "ETH-USD")
        for day in range(10)
    }
    assert set(counts.values()) == {0, 1}
    assert counts == {
        (product, day): hours_before_start(client, product, START - day * 24 * HOUR) for product, day in counts
    }
    early = next(key for key, count in counts.items() if count)
    row = candles(client, early[0], start=START - early[1] * 24 * HOUR, end=START - early[1] * 24 * HOUR).json[-1]
    assert row[0] == START - early[1] * 24 * HOUR - HOUR


def test_no_response_has_more_than_three_hundred_rows():
    client = Client(create_exchange(None, FaultPlan(), now=lambda: NOW))
    counts = [hours_before_start(client, "BTC-USD", START - 300 * HOUR - day * 24 * HOUR, 300) for day in range(6)]
    assert counts == [0] * 6


def test_rows_before_the_start_are_switched_over_http(client):
    def seen():
        return {hours_before_start(client, "BTC-USD", START - day * 24 * HOUR) for day in range(10)}

    assert seen() == {0}
    client.put("/exchange/_rules", json={"coinbase_rows_before_start": True})
    assert seen() == {0, 1}


# --- recorded candles ------------------------------------------------------------------------------------------------


def test_recorded_candles_keep_their_digits(tmp_path: Path):
    client = recorded(tmp_path, f"{START}000,0.10,0.20,0.05,0.1500000000000000001,7")
    answer = candles(client, "ABC-USD")
    assert answer.data.decode() == f"[[{START},0.05,0.20,0.10,0.1500000000000000001,7]]"
    assert candles(client, "BTC-USD").status_code == 404
    assert candles(client, "ABC-USD", granularity=60, end=START + HOUR).json == {"message": "Unsupported granularity"}


def test_hours_without_trades_are_left_out(tmp_path: Path):
    hours = (f"{START + hour * HOUR}000,1,1,1,1,{volume}" for hour, volume in enumerate(["5", "0.000", "0", "7"]))
    rows = candles(recorded(tmp_path, *hours), "ABC-USD").json
    assert [row[0] for row in rows] == [START + 3 * HOUR, START]


@pytest.mark.parametrize("price", ["NaN", ".5", "1,0", "0x1", "1 ", "+1"])
def test_a_recorded_number_that_json_cannot_hold_is_not_served(tmp_path: Path, price):
    answer = candles(recorded(tmp_path, f'{START}000,"{price}",1,1,1,1'), "ABC-USD")
    assert answer.status_code == 500
    assert price in answer.json["message"]
