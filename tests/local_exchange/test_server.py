from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.test import Client

from local_exchange.api import Source
from local_exchange.candles import COINS, MarketDataError
from local_exchange.faults import Fault, FaultKind, FaultPlan, Malformation
from local_exchange.server import create_exchange

NOW = datetime(2023, 12, 20, 12, 30, tzinfo=UTC)
START = 1702857600000  # 2023-12-18T00:00:00Z
HOUR = 3_600_000
KLINES = "/exchange/binance/api/v3/klines"
DAY = {"symbol": "BTCUSDT", "interval": "1h", "startTime": START, "endTime": START + 24 * HOUR - 1}


@dataclass(frozen=True)
class Case:
    """The request to one API for the same day, and the API's errors."""

    source: Source
    symbol: str
    path: str
    query: dict
    price: int
    hour: int
    rate_limited: str
    failed: str
    unknown: str

    def get(self, client: Client):
        return client.get(self.path, query_string=self.query)

    def rows(self, answer) -> list:
        """Return the rows, with each number as its JSON text."""
        document = json.loads(answer.data, parse_float=str, parse_int=str)
        if isinstance(document, dict) and "data" in document:
            # A candle is an object whose members are the columns in order. One with two members is malformed.
            candles = document["data"]["ohlc"]
            return [list(row.values()) if isinstance(row, dict) and len(row) > 2 else row for row in candles]
        return document["prices"] if isinstance(document, dict) else document

    def message(self, answer) -> str:
        document = answer.json
        if isinstance(document, list):
            return document[2]
        details = document["status"] if isinstance(document.get("status"), dict) else document
        return next(details[name] for name in ("msg", "message", "error_message", "error", "reason") if name in details)


SOURCES = (
    Case(
        Source.BINANCE,
        "BTCUSDT",
        KLINES,
        DAY,
        price=4,
        hour=HOUR,
        rate_limited="Too much request weight used.",
        failed="An unknown error occurred.",
        unknown="Invalid symbol.",
    ),
    Case(
        Source.BITFINEX,
        "tBTCUSD",
        "/exchange/bitfinex/v2/candles/trade:1h:tBTCUSD/hist",
        {"start": START, "end": START + 23 * HOUR, "limit": 24, "sort": 1},
        price=2,
        hour=HOUR,
        rate_limited="ratelimit: error",
        failed="unknown error",
        unknown="symbol: invalid",
    ),
    Case(
        Source.BITSTAMP,
        "btcusd",
        "/exchange/bitstamp/api/v2/ohlc/btcusd/",
        {"step": 3600, "start": START // 1000, "end": START // 1000 + 23 * 3600, "limit": 24},
        price=4,
        hour=HOUR // 1000,
        rate_limited="Request rejected due to exceeded rate limit.",
        failed="Unknown server error.",
        unknown="Currency pair not found for corresponding request.",
    ),
    Case(
        Source.COINBASE,
        "BTC-USD",
        "/exchange/coinbase/products/BTC-USD/candles",
        # A start without a candle before it.
        {"granularity": 3600, "start": START // 1000 - 48 * 3600, "end": START // 1000 - 24 * 3600 - 1},
        price=4,
        hour=HOUR // 1000,
        rate_limited="Public rate limit exceeded",
        failed="Internal server error",
        unknown="NotFound",
    ),
    Case(
        Source.COINGECKO,
        "bitcoin",
        "/exchange/coingecko/api/v3/coins/bitcoin/market_chart/range",
        {"vs_currency": "usd", "from": START // 1000, "to": START // 1000 + 24 * 3600 - 1},
        price=1,
        hour=HOUR,
        rate_limited="You've exceeded the Rate Limit. Please visit https://www.coingecko.com/en/api/pricing to "
        "subscribe to our API plans for higher rate limits.",
        failed="Internal Server Error",
        unknown="coin not found",
    ),
)


class Clock:
    now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def faults() -> FaultPlan:
    return FaultPlan()


@pytest.fixture
def delays() -> list[float]:
    return []


@pytest.fixture
def client(faults: FaultPlan, delays: list[float], clock: Clock) -> Client:
    return Client(create_exchange(None, faults, now=clock, sleep=delays.append))


def klines(client: Client, **params):
    return client.get(KLINES, query_string={**DAY, **params})


def test_ping_and_time(client):
    assert client.get("/exchange/binance/api/v3/ping").json == {}
    assert client.get("/exchange/binance/api/v3/time").json == {"serverTime": int(NOW.timestamp() * 1000)}


INFO = "/exchange/binance/api/v3/exchangeInfo"


def test_exchange_info_names_base_and_quote_of_the_requested_markets(client):
    def pairs(**query):
        rows = client.get(INFO, query_string=query).json["symbols"]
        return {row["symbol"]: (row["baseAsset"], row["quoteAsset"]) for row in rows}

    assert pairs(symbols='["ETHBTC","BTCUSDT"]') == {"ETHBTC": ("ETH", "BTC"), "BTCUSDT": ("BTC", "USDT")}
    assert pairs(symbol="BNBETH") == {"BNBETH": ("BNB", "ETH")}
    assert pairs().keys() == COINS.keys()


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"symbols": '["BTCUSDT","NOPEUSDT"]'}, -1121),
        ({"symbol": "NOPEUSDT"}, -1121),
        ({"symbols": "BTCUSDT"}, -1100),
        ({"symbols": '["BTCUSDT", "ETHUSDT"]'}, -1100),
        ({"symbol": "BTCUSDT", "symbols": '["BTCUSDT"]'}, -1128),
        ({"symbolStatus": "TRADING"}, -1104),
    ],
)
def test_exchange_info_refuses_wrong_parameters(client, query, code):
    answer = client.get(INFO, query_string=query)
    assert (answer.status_code, answer.json["code"]) == (400, code)


def test_exchange_info_has_the_documented_weight(client):
    assert client.get(INFO, query_string={"symbol": "BTCUSDT"}).headers["X-MBX-USED-WEIGHT-1M"] == "20"


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


def test_there_are_no_candles_of_the_future(client):
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
def test_errors_match_binances(client, params, code, message):
    query = {name: value for name, value in {**DAY, **params}.items() if value is not None}
    answer = client.get(KLINES, query_string=query)
    assert answer.status_code == 400
    assert answer.json["code"] == code
    assert answer.json["msg"].startswith(message)


def test_other_paths_and_methods_are_rejected(client):
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


def test_recorded_markets_state_base_and_quote_in_a_file(tmp_path: Path, faults):
    for symbol in ("BTCUSDT", "BNBUSD"):
        (tmp_path / f"{symbol}.csv.gz").write_bytes(b"")
    with pytest.raises(MarketDataError, match=r"base and quote of BNBUSD are unknown: add a line .* to markets\.csv"):
        create_exchange(tmp_path, faults)
    (tmp_path / "markets.csv").write_text("symbol,base,quote\nBNBUSD,BNB,USD\n")
    rows = Client(create_exchange(tmp_path, faults)).get(INFO).json["symbols"]
    assert [(row["baseAsset"], row["quoteAsset"]) for row in rows] == [("BNB", "USD"), ("BTC", "USDT")]


@pytest.mark.parametrize(
    "text", ["", "symbol,base\nX,Y\n", "symbol,base,quote\nBNBUSD,BNB,\n", "symbol,base,quote\nX\n"]
)
def test_a_file_without_base_and_quote_is_rejected(tmp_path: Path, faults, text):
    (tmp_path / "BTCUSDT.csv.gz").write_bytes(b"")
    (tmp_path / "markets.csv").write_text(text)
    with pytest.raises(MarketDataError, match=r"markets\.csv"):
        create_exchange(tmp_path, faults)


def test_a_missing_folder_is_rejected_at_the_start(tmp_path: Path, faults):
    with pytest.raises(MarketDataError):
        create_exchange(tmp_path / "nowhere", faults)


# --- faults ----------------------------------------------------------------------------------------------------------


def test_continued_requests_turn_a_rate_limit_into_a_ban(client, faults):
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


def test_a_delayed_response_is_correct(client, faults, delays):
    faults.replace([Fault(FaultKind.TIMEOUT, delay_seconds=12.5)])
    late = klines(client).json
    assert delays == [12.5]
    assert late == klines(client).json


def test_a_delayed_error_is_still_an_error(client, faults):
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


def test_a_dropped_connection_has_no_response(client, faults):
    faults.replace([Fault(FaultKind.CONNECTION_RESET)])
    with pytest.raises(ConnectionResetError):
        klines(client)


def test_an_unknown_symbol_and_an_empty_response(client, faults):
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
def test_an_invalid_plan_is_rejected(client, faults, body):
    faults.replace([Fault(FaultKind.EMPTY)])
    answer = client.put("/exchange/_faults", data=body)
    assert answer.status_code == 400
    assert answer.json["message"]
    assert len(faults.as_json()["faults"]) == 1


def test_a_huge_plan_is_rejected(client):
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


def test_every_source_is_counted_under_its_name(client):
    for case in SOURCES:
        assert case.get(client).status_code == 200
    client.get("/exchange/coingecko/api/v3/ping")
    client.get("/exchange/kraken")
    seen = {(entry["source"], entry["symbol"]) for entry in client.get("/exchange/_requests").json["requests"]}
    assert seen == {
        ("binance", "BTCUSDT"),
        ("bitfinex", "tBTCUSD"),
        ("bitstamp", "btcusd"),
        ("coinbase", "BTC-USD"),
        ("coingecko", "bitcoin"),
        ("coingecko", None),
        (None, None),
    }


# --- rate limits -----------------------------------------------------------------------------------------------------


def test_by_default_no_rate_limit_is_enforced(client):
    for case in SOURCES:
        assert {case.get(client).status_code for _ in range(50)} == {200}
    assert client.get("/exchange/_limits").json == {"limits": {}}


@pytest.mark.parametrize("case", SOURCES, ids=lambda case: case.source)
def test_a_rate_limit_is_enforced_with_each_apis_own_error(case, client, clock):
    limits = {"limits": {case.source: {"requests_per_second": 2}}}
    assert client.put("/exchange/_limits", json=limits).status_code == 200
    answers = [case.get(client) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 429, 429]
    assert [answer.headers.get("Retry-After") for answer in answers] == [None, None, "1", "1"]
    assert case.message(answers[-1]) == case.rate_limited
    for other in SOURCES:
        assert other is case or {other.get(client).status_code for _ in range(4)} == {200}
    clock.now += timedelta(seconds=1)
    assert case.get(client).status_code == 200
    listed = client.get("/exchange/_limits").json["limits"][case.source]
    assert (listed["allowed"], listed["refused"]) == (3, 2)
    assert client.delete("/exchange/_limits").json == {"limits": {}}
    assert {case.get(client).status_code for _ in range(4)} == {200}


def test_a_refused_request_is_counted_and_uses_up_no_fault(client, faults):
    faults.replace([Fault(FaultKind.SERVER_ERROR, times=1)])
    client.put("/exchange/_limits", json={"limits": {"binance": {"requests_per_second": 1, "burst": 2}}})
    client.get("/exchange/binance/api/v3/ping")
    assert [klines(client).status_code for _ in range(3)] == [503, 429, 429]
    assert faults.as_json()["faults"][0]["happened"] == 1
    assert client.get("/exchange/_requests").json["total"] == 4


def test_binance_reports_the_weight_used_in_the_minute(client, faults, clock):
    def weight(answer):
        return answer.headers["X-MBX-USED-WEIGHT-1M"]

    assert weight(klines(client)) == "2"
    assert weight(client.get("/exchange/binance/api/v3/ping")) == "3"
    assert weight(klines(client, symbol="NOSUCHUSDT")) == "5"
    faults.replace([Fault(FaultKind.RATE_LIMITED)])
    assert weight(klines(client)) == "7"
    client.put("/exchange/_limits", json={"limits": {"binance": {"requests_per_second": 1}}})
    assert [weight(klines(client)) for _ in range(2)] == ["9", "11"]
    clock.now += timedelta(seconds=60)
    assert weight(klines(client)) == "2"
    assert not any("X-MBX-USED-WEIGHT-1M" in case.get(client).headers for case in SOURCES[1:])


# --- switches --------------------------------------------------------------------------------------------------------


def test_rules_are_switched_over_http(client):
    default = {
        "coinbase_rows_before_start": True,
        "coingecko_api_key": None,
        "coingecko_past_365_days_only": False,
    }
    assert client.get("/exchange/_rules").json == default
    assert client.put("/exchange/_rules", json={"coingecko_api_key": "k"}).json == default | {"coingecko_api_key": "k"}
    assert client.delete("/exchange/_rules").json == default


@pytest.mark.parametrize(
    ("switch", "body"),
    [
        ("_limits", b"{"),
        ("_limits", b'{"limits":{"kraken":{"requests_per_second":1}}}'),
        ("_rules", b"[]"),
        ("_rules", b'{"binance_is_closed":true}'),
        ("_rules", b'{"coinbase_rows_before_start":1}'),
        ("_rules", b'{"coingecko_past_365_days_only":"yes"}'),
        ("_rules", b'{"coingecko_api_key":""}'),
        ("_rules", b'{"coingecko_api_key":7}'),
    ],
)
def test_invalid_switches_are_rejected_and_change_nothing(client, switch, body):
    before = client.get(f"/exchange/{switch}").json
    answer = client.put(f"/exchange/{switch}", data=body)
    assert answer.status_code == 400
    assert answer.json["message"]
    assert client.get(f"/exchange/{switch}").json == before


@pytest.mark.parametrize("switch", ["_faults", "_limits", "_rules", "_requests"])
def test_switches_accept_no_other_methods_or_paths(client, switch):
    assert client.post(f"/exchange/{switch}", json={}).status_code == 405
    assert client.get(f"/exchange/{switch}/more").status_code == 404


# --- faults of every source ------------------------------------------------------------------------------------------


@pytest.fixture(params=SOURCES, ids=lambda case: case.source)
def case(request) -> Case:
    return request.param


def test_a_fault_of_one_source_does_not_affect_the_others(case, client, faults):
    faults.replace([Fault(FaultKind.SERVER_ERROR, source=case.source, times=None)])
    assert {other.source for other in SOURCES if other.get(client).status_code == 503} == {case.source}


def test_a_fault_is_addressed_by_the_sources_own_symbol(case, client, faults):
    faults.replace([Fault(FaultKind.EMPTY, symbol=case.symbol)])
    for other in SOURCES:
        assert (other.rows(other.get(client)) == []) is (other is case)
    assert len(case.rows(case.get(client))) == 24


def test_rate_limits_and_failures_are_reported_with_each_apis_own_error(case, client, faults):
    faults.replace(
        [
            Fault(FaultKind.RATE_LIMITED, times=1, retry_after=7),
            Fault(FaultKind.SERVER_ERROR, status=502, retry_after=3),
            Fault(FaultKind.UNKNOWN_SYMBOL),
        ]
    )
    limited, failed, unknown = (case.get(client) for _ in range(3))
    assert (limited.status_code, limited.headers["Retry-After"]) == (429, "7")
    assert case.message(limited) == case.rate_limited
    assert (failed.status_code, failed.headers["Retry-After"]) == (502, "3")
    assert case.message(failed) == case.failed
    assert unknown.status_code == {Source.BINANCE: 400, Source.BITFINEX: 500}.get(case.source, 404)
    assert case.message(unknown) == case.unknown


def test_only_binance_bans(case, client, faults):
    faults.replace([Fault(FaultKind.RATE_LIMITED, times=2, banned_after=1)])
    statuses = [case.get(client).status_code for _ in range(3)]
    assert statuses == [429, 418 if case.source == Source.BINANCE else 429, 200]


def test_bodies_and_connections_break_for_every_api(case, client, faults, delays):
    right = case.get(client)
    kinds = (FaultKind.CUT_OFF, FaultKind.TRUNCATED_JSON, FaultKind.NOT_JSON, FaultKind.TIMEOUT)
    faults.replace([*map(Fault, kinds), Fault(FaultKind.CONNECTION_RESET)])
    cut_off, truncated, html, late = (case.get(client) for _ in kinds)
    assert int(cut_off.headers["Content-Length"]) == len(right.data) > len(cut_off.data)
    assert int(truncated.headers["Content-Length"]) == len(truncated.data) < len(right.data)
    assert right.data.startswith(cut_off.data)
    assert right.data.startswith(truncated.data)
    assert html.data.startswith(b"<html>")
    assert delays == [1.0]
    assert late.data == right.data
    with pytest.raises(ConnectionResetError):
        case.get(client)


def test_rows_are_changed_in_each_apis_format(case, client, faults):
    right = case.rows(case.get(client))
    kinds = (
        FaultKind.DUPLICATE_ROWS,
        FaultKind.CONFLICTING_DUPLICATE_ROWS,
        FaultKind.WRONG_ORDER,
        FaultKind.UNCLOSED_CANDLE,
    )
    faults.replace(map(Fault, kinds))
    twice, other, mixed, more = (case.rows(case.get(client)) for _ in kinds)
    assert len(twice) == len(other) == len(more) == 25
    assert [row for number, row in enumerate(twice) if row not in twice[:number]] == right
    (changed,) = [row for row in other if row not in right]
    (original,) = [row for row in right if row[0] == changed[0]]
    differing = [column for column in range(len(changed)) if changed[column] != original[column]]
    assert differing == [case.price]
    assert changed[case.price][:-1] == original[case.price][:-1]
    assert mixed != right
    assert sorted(mixed, key=lambda row: row[0]) == sorted(right, key=lambda row: row[0])
    (later,) = [row for row in more if row not in right]
    newest = more.index(later)
    assert newest == (0 if case.source == Source.COINBASE else 24)
    assert int(later[0]) == max(int(row[0]) for row in right) + case.hour


def test_malformed_rows_are_still_json(case, client, faults):
    right = case.rows(case.get(client))
    faults.replace([Fault(FaultKind.MALFORMED_ROWS)])
    rows = case.rows(case.get(client))
    possible = len(Malformation) - (case.source == Source.COINGECKO)
    assert sum(row not in right for row in rows) == possible
    assert None in rows
    assert any(isinstance(row, list) and row[case.price : case.price + 1] == [None] for row in rows)
    assert any(isinstance(row, dict) for row in rows)


def test_faults_apply_to_errors_as_well(case, client, faults):
    faults.replace([Fault(FaultKind.EMPTY), Fault(FaultKind.MALFORMED_ROWS)])
    path = case.path.replace(case.symbol, "NOSUCH")
    unknown = [client.get(path, query_string=case.query | {"symbol": "NOSUCHUSDT"}) for _ in range(2)]
    assert (unknown[0].status_code, case.rows(unknown[0])) == (200, [])
    assert case.message(unknown[1]) == case.unknown


def test_every_market_can_be_requested(client):
    for symbol in COINS:
        assert len(klines(client, symbol=symbol, limit=2).json) == 2
