"""The audit's candles are those that the Glue job loads. Otherwise it would find restatements that are none."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from crypto_prices.audit.restatements import compare
from crypto_prices.fetch.http_client import Response
from crypto_prices.fetch.json_body import parse_json
from crypto_prices.fetch.sources import get_source, known_sources
from crypto_prices.receipts.raw_records import FORMATS
from crypto_prices_contract.window import Window
from crypto_prices_etl.curation import outcomes_of
from crypto_prices_etl.parsers import PARSERS
from crypto_prices_etl.raw_manifests import read_raw_manifests
from crypto_prices_etl.schemas import NUMBER_COLUMNS

from tests.support.lake import DAY_START_MS, HOUR_MS
from tests.support.second_opinion import differences

DAY = DAY_START_MS // 1000
HOUR = HOUR_MS // 1000
WINDOW = Window.of_day(dt.datetime.fromtimestamp(DAY, dt.UTC).date())


def kline(hour: float, close: str = '"2.50"', trades: str = "7", quote: str = '"100.000000000000000001"') -> str:
    opened = DAY_START_MS + int(hour * HOUR_MS)
    return f'[{opened},"1.1","3.3","0.9",{close},"12.5",{opened + HOUR_MS - 1},{quote},{trades},"1","2","0"]'


def points(*entries: tuple[int, str]) -> str:
    return ",".join(f"[{DAY_START_MS + offset},{number}]" for offset, number in entries)


def coin(prices: str, caps: str) -> str:
    return f'{{"prices":[{prices}],"market_caps":[{caps}],"total_volumes":[]}}'


def ohlc(hour: float, **texts: str) -> str:
    good = {
        "timestamp": f'"{int(DAY + hour * HOUR)}"', "open": '"1.1"', "high": '"3.3"', "low": '"0.9"', "close": '"2.5"',
        "volume": '"12.5"',
    }  # fmt: skip
    return "{" + ",".join(f'"{name}":{text}' for name, text in (good | texts).items()) + "}"


LATE = 15 * 60_000
BODIES = {
    "binance": [
        kline(0), kline(1, trades="null", quote="null"), kline(2, close='"25e-1"'), kline(3, close='"NaN"'),
        kline(4, close="null"), kline(5, trades='"8"'), "[1,2]", kline(0), kline(6), kline(6, close='"2.51"'),
        kline(1.5),
    ],
    "bitfinex": [
        f"[{DAY_START_MS},1.10,2,2.0000000000000001,1,1e-7]", f"[{DAY_START_MS + HOUR_MS},1,1,1,1,0.5]",
        f"[{DAY_START_MS + 2 * HOUR_MS},1,null,1,1,1]", f"[{DAY_START_MS + 3 * HOUR_MS},1,2,2,1]",
        f'["{DAY_START_MS + 4 * HOUR_MS}","1",2,2,1,1]', f"[{DAY_START_MS + 5 * HOUR_MS + 1},1,2,2,1,1]",
        f"[{DAY_START_MS},1.1,2,2.0000000000000001,1,0.0000001]",
    ],
    "coinbase": [
        f"[{DAY + 2 * HOUR},1,2,1,2,1e-7]", f"[{DAY + HOUR},0.000000000000000001,43000.10,42000.5,42999.99,12.5]",
        f"[{DAY - HOUR},1,2,1,2,0]", f"[{DAY + 24 * HOUR},1,2,1,2,0]", f"[{DAY + 3 * HOUR},1,2,1,null,1]",
        f'["{DAY + 4 * HOUR}",1,2,"1",2,1]', f"[{DAY + 5 * HOUR},1,2,1]", f"[{DAY + HOUR + 60},1,2,1,2,1]",
    ],
}  # fmt: skip
OHLC = [
    ohlc(0), ohlc(1, close='"2.50000000000000001"', volume='"0"'), ohlc(2, timestamp="17"), ohlc(3, high='"NaN"'),
    ohlc(4, open="1.10", volume="1e-7"), ohlc(5, low="null"), ohlc(-1), ohlc(24), '{"timestamp":"1"}', "[1]",
    ohlc(6).replace('"low"', '"Low"'), ohlc(7.5),
]  # fmt: skip
JSON = {source: f"[{','.join(rows)}]" for source, rows in BODIES.items()} | {
    "bitstamp": f'{{"data":{{"pair":"BTC/USD","ohlc":[{",".join(OHLC)}]}}}}',
    "coingecko": coin(
        points((-9_000, "1"), (41_331, "42000.123456789"), (HOUR_MS + LATE, "5"), (2 * HOUR_MS + LATE + 1, "6"),
               (3 * HOUR_MS, "7"), (4 * HOUR_MS, "8"), (5 * HOUR_MS, "9"), (6 * HOUR_MS, "null")),
        points((41_331, "8.23E11"), (HOUR_MS + LATE, "null"), (3 * HOUR_MS, "1.000000005"), (4 * HOUR_MS, "1"),
               (4 * HOUR_MS, "2"), (5 * HOUR_MS, "3"), (5 * HOUR_MS, "3")),
    )
}  # fmt: skip
RECORDS = {"binance": 11, "bitfinex": 7, "bitstamp": len(OHLC), "coinbase": 8, "coingecko": 8}
SYMBOLS = {
    "binance": "BTCUSDT",
    "bitfinex": "tBTCUSD",
    "bitstamp": "btcusd",
    "coinbase": "BTC-USD",
    "coingecko": "bitcoin",
}


def test_every_source_is_compared():
    assert sorted(JSON) == known_sources() == sorted(PARSERS) == sorted(FORMATS)


@pytest.mark.parametrize("source", sorted(JSON))
def test_the_glue_job_the_audit_and_receipts_read_the_same_candles(spark, lake, arguments, source):
    body = JSON[source]
    run = arguments(lake.raw({SYMBOLS[source]: body}, source=source, records=RECORDS[source]))
    manifests = read_raw_manifests(lake.s3, run.raw_manifests, run.window)
    outcomes, _ = outcomes_of(spark, manifests, run)
    rows = outcomes.collect()
    assert differences(lake, manifests, rows) == []
    curated = [row for row in rows if row["outcome"] == "curated"]
    loaded = {
        int(row["observed_at"].astimezone(dt.UTC).timestamp()) * 1000: {
            name: None if row[name] is None else Decimal(row[name]) for name in NUMBER_COLUMNS
        }
        for row in curated
    }
    response = Response("https://exchange", 200, body.encode(), dt.datetime.now(dt.UTC), parse_json(body.encode()))
    found = compare(WINDOW, interval_ms=HOUR_MS, sent=get_source(source).read_candles(response, "1h"), loaded=loaded)
    assert not found.differs, found.example
    assert found.compared == len(curated) > 2
