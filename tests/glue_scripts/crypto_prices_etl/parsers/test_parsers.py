"""The parsers' results for valid responses, surplus and copies. test_hostile_responses.py has the hostile ones."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal

import pytest
from crypto_prices_contract.curation_report import SourceCounts
from crypto_prices_etl.candles import to_candles
from crypto_prices_etl.curation import curate, outcomes_of
from crypto_prices_etl.errors import CurationError
from crypto_prices_etl.parsers import binance
from crypto_prices_etl.raw_manifests import read_raw_manifests

from tests.support.lake import DAY_START_MS, HOUR_MS
from tests.support.second_opinion import differences

DAY = DAY_START_MS // 1000
HOUR = HOUR_MS // 1000


@pytest.fixture(scope="module")
def judge(spark, lake, arguments):
    """Process the bodies of one source and return the outcomes by exchange symbol, in the order of the records."""

    def judged(source, bodies, records):
        run = arguments(lake.raw(bodies, source=source, records=records))
        manifests = read_raw_manifests(lake.s3, run.raw_manifests, run.window)
        outcomes, _ = outcomes_of(spark, manifests, run)
        rows = outcomes.collect()
        assert differences(lake, manifests, rows) == []
        by_symbol = {}
        for row in sorted(rows, key=lambda row: row["record_position"]):
            by_symbol.setdefault(row["exchange_symbol"], []).append(row)
        return by_symbol

    return judged


def opened(row):
    return row["observed_at"].astimezone(dt.UTC)


@pytest.fixture(scope="module")
def bitfinex(judge):
    good = f"[{DAY_START_MS + HOUR_MS},42000.50,42999.99,43000.10,0.000000000000000001,12.50000001]"
    body = f"[{good},[{DAY_START_MS + 2 * HOUR_MS},2,1,2,1,1.5e-7],[{DAY_START_MS - HOUR_MS},1,2,2,1,1],{good}]"
    return judge("bitfinex", {"tDOGE:USD": body}, records=4)["tDOGE:USD"]


@pytest.fixture(scope="module")
def bitstamp(judge):
    def candle(hour, **texts):
        good = {"timestamp": f'"{DAY + hour * HOUR}"', "open": '"42000.50"', "high": '"43000.10"', "more": '"x"'}
        good |= {"low": '"0.000000000000000001"', "close": '"42999.99"', "volume": '"12.50000001"'}
        return "{" + ", ".join(f'"{name}": {text}' for name, text in sorted((good | texts).items())) + "}"

    flat = candle(2, open='"7"', high='"7"', low='"7"', close='"7"', volume='"0.00000000"')
    lacking = candle(3).replace('"low"', '"lowest"')
    candles = [candle(1), flat, candle(-1), candle(24), lacking, "[1]", candle(1)]
    body = f'{{"data": {{"ohlc": [{", ".join(candles)}], "pair": "BTC/USD"}}}}'
    return judge("bitstamp", {"btcusd": body}, records=7)["btcusd"]


@pytest.fixture(scope="module")
def coinbase(judge):
    good = f"[{DAY + HOUR},0.000000000000000001,43000.10,42000.5,42999.99,12.50000001]"
    body = f"[[{DAY + 2 * HOUR},1,2,1,2,1e-7],{good},[{DAY - HOUR},1,2,1,2,0],[{DAY + 24 * HOUR},1,2,1,2,0],{good}]"
    return judge("coinbase", {"BTC-USD": body}, records=5)["BTC-USD"]


@pytest.fixture(scope="module")
def coingecko(judge):
    def table(*numbers, times=(DAY_START_MS - 9_000, DAY_START_MS + 41_331, DAY_START_MS + HOUR_MS + 899_999)):
        return "[" + ",".join(f"[{time},{number}]" for time, number in zip(times, numbers, strict=False)) + "]"

    whole = (
        f'{{"prices":{table(1, "42000.123456789", 5)},"market_caps":{table(1, "8.23E11", "null")},'
        f'"total_volumes":{table(1, 2, 3)}}}'
    )
    late = (DAY_START_MS, DAY_START_MS + HOUR_MS + 900_001, DAY_START_MS + 2 * HOUR_MS)
    other = (DAY_START_MS, DAY_START_MS + HOUR_MS, DAY_START_MS + 2 * HOUR_MS + 1)
    odd = (
        f'{{ "total_volumes": {table(1, 2, 3, times=late)}, "more": {{"x": [1]}},\n'
        f'"market_caps": {table(7, 8, 9, times=other)}, "prices":{table(3, 4, 5, times=late)} }}'
    )
    return judge("coingecko", {"bitcoin": whole, "odd": odd}, records=3)


class TestBitfinex:
    def test_a_row_is_a_candle_digit_for_digit_with_the_close_before_the_high(self, bitfinex):
        row = bitfinex[0]
        assert opened(row) == dt.datetime(2023, 12, 18, 1, tzinfo=dt.UTC)
        assert (row["open_price"], row["close_price"]) == (Decimal("42000.5"), Decimal("42999.99"))
        assert (row["high_price"], row["low_price"]) == (Decimal("43000.1"), Decimal("0.000000000000000001"))
        assert row["base_volume"] == Decimal("12.50000001")
        assert (row["quote_volume"], row["trade_count"], row["market_cap"]) == (None, None, None)
        assert bitfinex[1]["base_volume"] == Decimal("0.00000015")

    def test_a_row_beyond_the_window_is_an_error_because_the_range_was_requested(self, bitfinex):
        assert [row["outcome"] for row in bitfinex] == ["curated", "curated", "outside_window", "duplicate"]


class TestBitstamp:
    def test_an_object_is_a_candle_digit_for_digit(self, bitstamp):
        row = bitstamp[0]
        assert opened(row) == dt.datetime(2023, 12, 18, 1, tzinfo=dt.UTC)
        assert (row["open_price"], row["close_price"]) == (Decimal("42000.5"), Decimal("42999.99"))
        assert (row["high_price"], row["low_price"]) == (Decimal("43000.1"), Decimal("0.000000000000000001"))
        assert row["base_volume"] == Decimal("12.50000001")
        assert (row["quote_volume"], row["trade_count"], row["market_cap"]) == (None, None, None)

    def test_an_hour_without_a_trade_is_loaded_as_it_is_sent(self, bitstamp):
        row = bitstamp[1]
        assert (row["outcome"], row["close_price"], row["base_volume"]) == ("curated", Decimal(7), Decimal(0))

    def test_candles_beyond_the_window_are_surplus_and_incomplete_ones_malformed(self, bitstamp):
        assert [row["outcome"] for row in bitstamp] == [
            *("curated", "curated", "surplus", "surplus", "malformed_record", "malformed_record", "duplicate"),
        ]


class TestCoinbase:
    def test_a_row_is_a_candle_digit_for_digit(self, coinbase):
        row = coinbase[1]
        assert opened(row) == dt.datetime(2023, 12, 18, 1, tzinfo=dt.UTC)
        assert (row["low_price"], row["high_price"]) == (Decimal("0.000000000000000001"), Decimal("43000.1"))
        assert (row["open_price"], row["close_price"]) == (Decimal("42000.5"), Decimal("42999.99"))
        assert row["base_volume"] == Decimal("12.50000001")
        assert (row["quote_volume"], row["trade_count"], row["market_cap"]) == (None, None, None)
        assert coinbase[0]["base_volume"] == Decimal("0.0000001")

    def test_rows_beyond_the_window_are_surplus_and_copies_duplicates(self, coinbase):
        assert [row["outcome"] for row in coinbase] == ["curated", "curated", "surplus", "surplus", "duplicate"]


class TestCoinGecko:
    def test_a_point_is_the_open_price_of_its_hour_digit_for_digit(self, coingecko):
        surplus, first, second = coingecko["bitcoin"]
        assert (opened(first), opened(second)) == (
            dt.datetime(2023, 12, 18, 0, tzinfo=dt.UTC),
            dt.datetime(2023, 12, 18, 1, tzinfo=dt.UTC),
        )
        assert (first["open_price"], first["market_cap"]) == (Decimal("42000.123456789"), Decimal("823000000000"))
        assert second["market_cap"] is None
        given = ("high_price", "low_price", "close_price", "base_volume", "quote_volume", "trade_count")
        assert {first[column] for column in given} == {None}
        assert [row["outcome"] for row in (surplus, first, second)] == ["surplus", "curated", "curated"]

    def test_members_may_have_any_order_and_a_late_point_is_not_the_price_of_its_hour(self, coingecko):
        assert [row["outcome"] for row in coingecko["odd"]] == ["curated", "off_grid", "curated"]

    def test_lists_are_joined_by_the_time_of_their_entries(self, judge):
        """24 prices and 23 market caps: the one of 06:00 is missing (shape and times of a real response)."""
        times = [DAY_START_MS + hour * HOUR_MS + 45_000 + 1_000 * hour for hour in range(24)]
        prices = [f"[{time}, 61234.5678901234]" for time in times]
        caps = [f"[{time}, 1203456789012.34{hour:02d}]" for hour, time in enumerate(times) if hour != 6]
        volumes = [f"[{time}, 20123456789.0]" for time in times]
        tables = {"prices": prices, "market_caps": caps, "total_volumes": volumes}
        body = "{" + ", ".join(f'"{name}": [{",".join(listed)}]' for name, listed in tables.items()) + "}"
        rows = judge("coingecko", {"bitcoin": body}, records=24)["bitcoin"]
        assert {row["outcome"] for row in rows} == {"curated"}
        assert [row["market_cap"] for row in rows] == [
            None if hour == 6 else Decimal(f"1203456789012.34{hour:02d}") for hour in range(24)
        ]
        assert rows[6]["record"] == f"[{prices[6]},[],[{volumes[6]}]]"


def test_a_parser_of_single_prices_cannot_fill_a_close(spark):
    single = replace(binance.PARSER, latest_in_interval_ms=60_000)
    records = spark.createDataFrame([], "record string")
    with pytest.raises(CurationError, match="but fills close_price, high_price, low_price: a single price is"):
        records.transform(to_candles(single, "1h", "batch"))


def test_surplus_is_neither_counted_nor_quarantined(spark, lake, arguments):
    body = f"[[{DAY},1,2,1,2,1],[{DAY - HOUR},1,2,1,2,0]]"
    manifest = lake.raw({"BTC-USD": body}, source="coinbase", surplus=1)
    report = curate(spark, lake.s3, lake.glue, arguments(manifest))
    assert report.sources["coinbase"] == SourceCounts(fetched=1, curated=1, quarantined={}, duplicates=0)
    assert report.quarantine is None
