from __future__ import annotations

import gzip
from datetime import UTC, datetime
from pathlib import Path

import pytest
from werkzeug.test import Client

from local_exchange.bitfinex import Bitfinex
from local_exchange.candles import GeneratedCandles
from local_exchange.faults import FaultPlan
from local_exchange.server import create_exchange

NOW = datetime(2023, 12, 20, 12, 5, tzinfo=UTC)
NOW_MS = int(NOW.timestamp()) * 1000
START = 1702857600000  # 2023-12-18T00:00:00Z
HOUR = 3_600_000
DAY = {"start": START, "end": START + 24 * HOUR - 1, "limit": 10_000, "sort": 1}
CONF = "/exchange/bitfinex/v2/conf/"


@pytest.fixture
def client() -> Client:
    return Client(create_exchange(None, FaultPlan(), now=lambda: NOW))


def candles(client: Client, key="trade:1h:tBTCUSD", **params):
    query = {name: value for name, value in {**DAY, **params}.items() if value is not None}
    return client.get(f"/exchange/bitfinex/v2/candles/{key}/hist", query_string=query)


def recorded(folder: Path, *lines: str) -> Client:
    text = "\n".join(["open_time_ms,open,high,low,close,volume", *lines, ""])
    (folder / "ABCUSDT.csv.gz").write_bytes(gzip.compress(text.encode()))
    return Client(create_exchange(folder, FaultPlan()))


def test_pairs_with_a_longer_currency_have_a_colon(client):
    pairs, currencies = client.get(f"{CONF}pub:list:pair:exchange,pub:list:currency").json
    assert {"BTCUSD", "DOGE:USD", "ATOUSD", "SHIB:USD"} <= set(pairs)
    assert {"BTC", "USD", "DOGE", "ATO", "UST", "UDC"} <= set(currencies)
    assert {pair for pair in pairs if pair.endswith("UST") or pair in ("USTUSD", "UDCUSD")} == {
        *("BTCUST", "ETHUST", "UDCUST", "USTUSD", "UDCUSD"),
    }
    assert client.get(f"{CONF}pub:list:currency").json == [currencies]


def test_other_lists_are_refused(client):
    answer = client.get(f"{CONF}pub:list:competitions")
    assert (answer.status_code, answer.json) == (500, ["error", 10020, "config: invalid"])


def test_a_row_is_time_open_close_high_low_volume_as_numbers_in_the_books_digits(client):
    answer = candles(client, end=START)
    book = GeneratedCandles(Bitfinex.premium)
    (kline,) = book.candles("BTCUSDT", "1h", start_ms=START, end_ms=None, limit=1, now_ms=NOW_MS)
    _, open_price, high, low, close, volume = kline[:6]
    assert answer.data.decode() == f"[[{START},{open_price},{close},{high},{low},{volume}]]"


def test_a_day_of_candles_oldest_first_or_newest_first(client):
    times = [START + hour * HOUR for hour in range(24)]
    assert [row[0] for row in candles(client).json] == times
    assert [row[0] for row in candles(client, sort=-1).json] == times[::-1]
    assert [row[0] for row in candles(client, sort=None).json] == times[::-1]


def test_the_limit_cuts_the_end_in_the_order_of_the_rows(client):
    assert [row[0] for row in candles(client, limit=2).json] == [START, START + HOUR]
    assert [row[0] for row in candles(client, limit=2, sort=-1).json] == [START + 23 * HOUR, START + 22 * HOUR]
    assert len(candles(client, start=None, end=None, limit=None, sort=None).json) == 100


def test_the_order_decides_from_which_end_a_long_range_is_read(client):
    ago = START - 20_000 * HOUR
    assert [row[0] for row in candles(client, start=ago, end=START, limit=2).json] == [ago, ago + HOUR]
    assert [row[0] for row in candles(client, start=ago, end=START, limit=2, sort=-1).json] == [START, START - HOUR]
    assert candles(client, start=START, end=START - HOUR).json == []


@pytest.mark.parametrize(
    ("name", "minutes"),
    [("1m", 1), ("5m", 5), ("15m", 15), ("30m", 30), ("1h", 60), ("6h", 360), ("12h", 720), ("1D", 1440)],
)
def test_every_interval(client, name, minutes):
    rows = candles(client, f"trade:{name}:tDOGE:USD", start=START, end=START + 2 * minutes * 60_000).json
    assert [row[0] for row in rows] == [START + number * minutes * 60_000 for number in range(3)]


@pytest.mark.parametrize(
    ("key", "params", "wrong"),
    [
        ("trade:1h:tNOPUSD", {}, "symbol"),
        ("trade:1h:BTCUSD", {}, "symbol"),
        ("trade:1h:tDOGEUSD", {}, "symbol"),
        ("trade:2h:tBTCUSD", {}, "key"),
        ("trade:1d:tBTCUSD", {}, "key"),
        ("funding:1h:fUSD", {}, "key"),
        ("trade:1h:tBTCUSD", {"limit": 10_001}, "limit"),
        ("trade:1h:tBTCUSD", {"limit": 0}, "limit"),
        ("trade:1h:tBTCUSD", {"sort": 2}, "sort"),
        ("trade:1h:tBTCUSD", {"start": "yesterday"}, "start"),
        ("trade:1h:tBTCUSD", {"end": "-1"}, "end"),
    ],
)
def test_a_wrong_parameter_has_status_500_and_is_named(client, key, params, wrong):
    answer = candles(client, key, **params)
    assert (answer.status_code, answer.json) == (500, ["error", 10020, f"{wrong}: invalid"])


def test_other_paths_are_refused_in_bitfinexs_format(client):
    answer = client.get("/exchange/bitfinex/v2/ticker/tBTCUSD")
    assert (answer.status_code, answer.json[:2]) == (404, ["error", 10001])


def test_hours_without_a_trade_are_left_out(tmp_path: Path):
    hours = (f"{START + hour * HOUR},1,1,1,1,{volume}" for hour, volume in enumerate(["5", "0.000", "0", "7"]))
    client = recorded(tmp_path, *hours)
    assert [row[0] for row in candles(client, "trade:1h:tABCUSD").json] == [START, START + 3 * HOUR]
    assert [row[0] for row in candles(client, "trade:1h:tABCUSD", limit=2).json] == [START, START + 3 * HOUR]
