from __future__ import annotations

import gzip
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.test import Client

from local_aws.exchange.candles import COINS, MarketDataError
from local_aws.exchange.faults import Fault, FaultKind, FaultPlan
from local_aws.exchange.server import create_exchange

NOW = datetime(2023, 12, 20, 12, 30, tzinfo=UTC)
START = 1702857600000  # 2023-12-18T00:00:00Z
HOUR = 3_600_000
KLINES = "/exchange/binance/api/v3/klines"
DAY = {"symbol": "BTCUSDT", "interval": "1h", "startTime": START, "endTime": START + 24 * HOUR - 1}


@pytest.fixture
def faults() -> FaultPlan:
    return FaultPlan()


@pytest.fixture
def delays() -> list[float]:
    return []


@pytest.fixture
def client(faults: FaultPlan, delays: list[float]) -> Client:
    return Client(create_exchange(None, faults, now=lambda: NOW, sleep=delays.append))


def klines(client: Client, **params):
    return client.get(KLINES, query_string={**DAY, **params})


def test_ping_and_time(client):
    assert client.get("/exchange/binance/api/v3/ping").json == {}
    assert client.get("/exchange/binance/api/v3/time").json == {"serverTime": int(NOW.timestamp() * 1000)}


def test_a_day_of_candles(client):
    answer = klines(client)
    assert answer.status_code == 200
    assert answer.content_type.startswith("application/json")
    assert [row[0] for row in answer.json] == [START + hour * HOUR for hour in range(24)]
    assert [row[6] for row in answer.json] == [START + hour * HOUR - 1 for hour in range(1, 25)]


@pytest.mark.parametrize(("limit", "rows"), [(None, 500), ("1", 1), ("1000", 1000), ("1001", 1000), ("99999", 1000)])
def test_limits(client, limit, rows):
    params = {"symbol": "BTCUSDT", "interval": "1m"} | ({"limit": limit} if limit else {})
    assert len(client.get(KLINES, query_string=params).json) == rows


def test_without_a_range_the_latest_candles_come_with_the_open_one(client):
    rows = client.get(KLINES, query_string={"symbol": "BTCUSDT", "interval": "1h", "limit": 2}).json
    now_ms = int(NOW.timestamp() * 1000)
    assert rows[0][6] < now_ms
    assert rows[1][0] < now_ms < rows[1][6]


def test_nothing_of_the_future(client):
    assert klines(client, startTime=START + 365 * 24 * HOUR, endTime=START + 366 * 24 * HOUR).json == []
    assert klines(client, startTime="9" * 20, endTime="9" * 20).json == []


@pytest.mark.parametrize(
    ("params", "code", "message"),
    [
        ({"symbol": None}, -1102, "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed."),
        ({"symbol": ""}, -1102, "Mandatory parameter 'symbol'"),
        ({"interval": None}, -1102, "Mandatory parameter 'interval'"),
        (
            {"symbol": "btcusdt"},
            -1100,
            "Illegal characters found in parameter 'symbol'; legal range is '^[A-Z0-9-_.]{1",
        ),
        ({"symbol": "BTC/USDT"}, -1100, "Illegal characters found in parameter 'symbol'"),
        ({"symbol": "NOSUCHUSDT"}, -1121, "Invalid symbol."),
        ({"symbol": "..-..-X"}, -1121, "Invalid symbol."),
        ({"interval": "7h"}, -1120, "Invalid interval."),
        ({"interval": "1H"}, -1120, "Invalid interval."),
        (
            {"startTime": "yesterday"},
            -1100,
            "Illegal characters found in parameter 'startTime'; legal range is '^[0-9]{1",
        ),
        ({"startTime": "-1"}, -1100, "Illegal characters found in parameter 'startTime'"),
        ({"endTime": "1" * 21}, -1100, "Illegal characters found in parameter 'endTime'"),
        ({"limit": ""}, -1100, "Illegal characters found in parameter 'limit'"),
        ({"limit": "0"}, -1130, "Data sent for parameter 'limit' is not valid."),
        ({"limit": ["5", "6"]}, -1101, "Duplicate values for parameter 'limit' detected."),
        ({"timeZone": "1"}, -1104, "Not all sent parameters were read; read '4' parameter(s) but was sent '5'."),
    ],
)
def test_errors_are_binances(client, params, code, message):
    query = {name: value for name, value in {**DAY, **params}.items() if value is not None}
    answer = client.get(KLINES, query_string=query)
    assert answer.status_code == 400
    assert answer.json["code"] == code
    assert answer.json["msg"].startswith(message)


def test_other_addresses_and_methods_are_refused(client):
    assert client.get("/exchange/binance/api/v3/depth").status_code == 404
    assert client.get("/exchange/").status_code == 404
    assert client.post(KLINES).status_code == 405


def test_it_can_be_mounted_by_a_dispatcher(faults):
    application = create_exchange(None, faults, now=lambda: NOW)
    mounted = Client(DispatcherMiddleware(lambda environ, start_response: [], {"/exchange": application}))
    assert len(klines(mounted).json) == 24


# --- recorded candles ------------------------------------------------------------------------------------------------


def test_recorded_candles_are_served(tmp_path: Path, faults):
    lines = ["open_time_ms,open,high,low,close,volume", f"{START},0.10,0.20,0.05,0.1500000000000000001,7", ""]
    (tmp_path / "ABCUSDT.csv.gz").write_bytes(gzip.compress("\n".join(lines).encode()))
    (tmp_path / "BADUSDT.csv.gz").write_bytes(b"")
    client = Client(create_exchange(tmp_path, faults))
    expected = (
        f'[[{START},"0.10","0.20","0.05","0.1500000000000000001","7",{START + HOUR - 1},null,null,null,null,"0"]]'
    )
    assert klines(client, symbol="ABCUSDT").data.decode() == expected
    assert klines(client, symbol="ABCUSDT", startTime=0, endTime=START - 1).json == []
    assert klines(client, symbol="ABCUSDT", interval="1d").json["code"] == -1120
    assert klines(client, symbol="BTCUSDT").json["code"] == -1121
    broken = klines(client, symbol="BADUSDT")
    assert (broken.status_code, broken.json["code"]) == (500, -1000)


def test_a_wrong_folder_is_refused_at_the_start(tmp_path: Path, faults):
    with pytest.raises(MarketDataError):
        create_exchange(tmp_path / "nowhere", faults)


# --- faults ----------------------------------------------------------------------------------------------------------


def test_rate_limits_become_a_ban_if_one_goes_on(client, faults):
    faults.replace([Fault(FaultKind.RATE_LIMITED, times=3, retry_after=5, banned_after=2)])
    answers = [klines(client) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [429, 429, 418, 200]
    assert [answer.headers.get("Retry-After") for answer in answers] == ["5", "5", "5", None]
    assert answers[0].json["code"] == -1003


def test_retry_after_can_be_a_date_or_missing(client, faults):
    faults.replace(
        [
            Fault(FaultKind.RATE_LIMITED, retry_after=5, retry_after_date=True),
            Fault(FaultKind.SERVER_ERROR, status=502),
        ]
    )
    assert parsedate_to_datetime(klines(client).headers["Retry-After"]) == NOW + timedelta(seconds=5)
    answer = klines(client)
    assert answer.status_code == 502
    assert "Retry-After" not in answer.headers


def test_a_late_answer_is_right(client, faults, delays):
    faults.replace([Fault(FaultKind.TIMEOUT, delay_seconds=12.5)])
    late = klines(client).json
    assert delays == [12.5]
    assert late == klines(client).json


def test_a_late_error_is_still_an_error(client, faults):
    faults.replace([Fault(FaultKind.TIMEOUT)])
    assert klines(client, symbol="NOSUCHUSDT").json["code"] == -1121


def test_broken_bodies(client, faults):
    right = klines(client).data
    faults.replace([Fault(FaultKind.CUT_OFF), Fault(FaultKind.TRUNCATED_JSON), Fault(FaultKind.NOT_JSON)])
    cut_off, truncated, html = klines(client), klines(client), klines(client)
    assert int(cut_off.headers["Content-Length"]) == len(right) == 2 * len(cut_off.data) + len(right) % 2
    assert int(truncated.headers["Content-Length"]) == len(truncated.data) < len(right)
    assert right.startswith(truncated.data)
    assert html.status_code == 200
    assert html.data.startswith(b"<html>")


def test_a_dropped_connection_has_no_answer(client, faults):
    faults.replace([Fault(FaultKind.CONNECTION_RESET)])
    with pytest.raises(ConnectionResetError):
        klines(client)


def test_an_unknown_symbol_and_an_empty_answer(client, faults):
    faults.replace([Fault(FaultKind.UNKNOWN_SYMBOL, symbol="ETHUSDT"), Fault(FaultKind.EMPTY)])
    assert klines(client).json == []
    assert klines(client, symbol="ETHUSDT").json["code"] == -1121
    assert len(klines(client).json) == 24


def test_faults_are_switched_over_http(client):
    document = {"seed": 3, "faults": [{"kind": "server_error", "status": 500, "symbol": "BTCUSDT"}]}
    put = client.put("/exchange/_faults", json=document)
    assert put.status_code == 200
    assert klines(client).status_code == 500
    listed = client.get("/exchange/_faults").json
    assert listed["seed"] == 3
    assert (listed["faults"][0]["kind"], listed["faults"][0]["happened"]) == ("server_error", 1)
    assert client.delete("/exchange/_faults").json == {"seed": None, "faults": []}
    assert klines(client).status_code == 200


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"faults":[{"kind":"earthquake"}]}', b"\xff"])
def test_a_wrong_plan_is_refused(client, faults, body):
    faults.replace([Fault(FaultKind.EMPTY)])
    answer = client.put("/exchange/_faults", data=body)
    assert answer.status_code == 400
    assert answer.json["message"]
    assert len(faults.as_json()["faults"]) == 1


def test_a_huge_plan_is_refused(client):
    assert client.put("/exchange/_faults", data=b" " * 1_100_000).status_code == 413


# --- the counter -----------------------------------------------------------------------------------------------------


def test_requests_are_counted_by_path_and_symbol(client):
    klines(client)
    klines(client)
    klines(client, symbol="ETHUSDT")
    client.get("/exchange/binance/api/v3/ping")
    client.get("/exchange/_faults")
    assert client.get("/exchange/_requests").json == {
        "total": 4,
        "requests": [
            {"source": "binance", "path": "/binance/api/v3/klines", "symbol": "BTCUSDT", "count": 2},
            {"source": "binance", "path": "/binance/api/v3/klines", "symbol": "ETHUSDT", "count": 1},
            {"source": "binance", "path": "/binance/api/v3/ping", "symbol": None, "count": 1},
        ],
    }
    assert client.delete("/exchange/_requests").json == {"total": 0, "requests": []}


def test_every_market_can_be_asked_for(client):
    for symbol in COINS:
        assert len(klines(client, symbol=symbol, limit=2).json) == 2
