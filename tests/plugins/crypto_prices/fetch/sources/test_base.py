from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from crypto_prices.fetch.errors import FatalSourceError
from crypto_prices.fetch.http_client import Response
from crypto_prices.fetch.markets import Pair
from crypto_prices.fetch.sources import get_source, known_sources
from crypto_prices.fetch.sources.base import (
    candle_ranges,
    checked_api_url,
    count_surplus,
    pairs_of_rows,
    refuse_unclosed,
    time_ms,
)
from crypto_prices.fetch.sources.binance import BinanceSource
from crypto_prices_contract.window import Window

DAY = Window(date(2023, 12, 18), date(2023, 12, 19))


def test_known_sources():
    assert known_sources() == ["binance", "bitfinex", "bitstamp", "coinbase", "coingecko"]
    source = get_source("binance")
    assert isinstance(source, BinanceSource)
    assert source.api_url == "https://data-api.binance.vision"
    assert get_source("binance", "http://127.0.0.1:5000/exchange/binance/").api_url.endswith("/exchange/binance")


def test_an_unknown_source_is_refused_with_the_known_ones():
    with pytest.raises(FatalSourceError, match=r"source 'nowhere' does not.*: binance, .*coingecko"):
        get_source("nowhere")


@pytest.mark.parametrize("source", ["binance", "bitfinex", "bitstamp", "coinbase"])
def test_a_key_for_a_source_without_keys_is_refused(source):
    with pytest.raises(FatalSourceError, match=f"{source} does not accept an API key. Remove connection_id"):
        get_source(source, api_key="secret")


@pytest.mark.parametrize("name", known_sources())
def test_two_markets_never_have_the_same_object_key(name):
    """A colon becomes an underscore there."""
    pattern = get_source(name).exchange_symbol_pattern.pattern
    assert not {":", "_"} <= set(pattern.replace("(?:", ""))


@pytest.mark.parametrize(
    ("value", "unit_ms", "time"),
    [
        (1702857600000, 1, 1702857600000),
        (1702857600, 1000, 1702857600000),
        ("1702857600", 1000, 1702857600000),
        ("-0", 1, 0),
        ("0" * 5000 + "7", 1, 7),
        (253_402_300_799_999, 1, 253_402_300_799_999),
        (253_402_300_800, 1000, None),
        (-1, 1, None),
        (10**30, 1, None),
        ("9" * 5000, 1, None),
        ("1.5", 1, None),
        ("1702857600000.0", 1, None),
        ("\u0661", 1, None),
        (True, 1, None),
        (None, 1, None),
        ([1], 1, None),
        ("", 1, None),
    ],
)
def test_only_whole_numbers_are_times(value, unit_ms, time):
    assert time_ms(value, unit_ms) == time


def test_surplus_counts_readable_times_outside_the_window():
    start = 1702857600000
    times = [start - 1, start, start + 86_399_999, start + 86_400_000, None]
    assert count_surplus(times, DAY) == 2


@pytest.mark.parametrize(
    ("length", "days", "requests"),
    [
        (timedelta(hours=1), 1, 1),
        (timedelta(hours=1), 13, 2),
        (timedelta(minutes=1), 1, 5),
        (timedelta(days=1), 300, 1),
        (timedelta(days=1), 301, 2),
    ],
)
def test_a_window_is_split_into_ranges_that_fit_into_one_response(length, days, requests):
    window = Window(DAY.start, DAY.start + timedelta(days=days))
    ranges = list(candle_ranges(window, length, 300))
    assert len(ranges) == requests
    asked = [first + n * length for first, last in ranges for n in range((last - first) // length + 1)]
    assert asked == [window.starts_at + n * length for n in range(timedelta(days=days) // length)]
    assert all((last - first) // length < 300 for first, last in ranges)


def response(document):
    return Response("https://x", 200, json.dumps(document).encode(), DAY.ends_at, document)


def test_base_and_quote_are_what_the_exchange_states():
    rows = [
        {"id": "BNBUSD", "base": "BNB", "quote": "USD", "other": 1},
        {"id": "X"},
        None,
        {"id": "Y", "base": 1, "quote": ""},
    ]
    assert pairs_of_rows(response(rows), rows, "id", "base", "quote") == {"BNBUSD": Pair("BNB", "USD")}


def test_a_response_that_contradicts_itself_is_refused():
    rows = [{"id": "BNBUSD", "base": "BNB", "quote": "USD"}, {"id": "BNBUSD", "base": "BN", "quote": "BUSD"}]
    with pytest.raises(FatalSourceError, match="lists BNBUSD as BNB/USD and as BN/BUSD"):
        pairs_of_rows(response(rows), rows, "id", "base", "quote")


@pytest.mark.parametrize("document", [[], {}, None, "BTC", [{"id": "BTCUSDT"}], [["BTCUSDT", "BTC", "USDT"]]])
def test_a_response_without_a_market_is_refused(document):
    with pytest.raises(FatalSourceError, match="not a list of markets with id, base and quote"):
        pairs_of_rows(response(document), document, "id", "base", "quote")


@pytest.mark.parametrize(
    "exchange_symbol",
    [
        "",
        "B",
        "btcusdt",
        "BTC/USDT",
        "BTC-USDT",
        "../USDT",
        "BTCUSDT\n",
        "BTC%2FUSDT",
        "Б" * 3 + "USDT",
        "A" * 21,
        "٣USDT",
    ],
)
def test_symbols_that_are_unsafe_in_keys_are_refused(exchange_symbol):
    with pytest.raises(FatalSourceError, match="is not a market of binance"):
        get_source("binance").checked_symbol(exchange_symbol)


def test_intervals_divide_a_day():
    source = get_source("binance")
    assert source.interval_length("1h") == timedelta(hours=1)
    assert all(timedelta(days=1) % length == timedelta() for length in source.candle_intervals.values())


@pytest.mark.parametrize("candle_interval", ["1w", "1M", "3d", "7m", "1H", ""])
def test_other_intervals_are_refused_with_the_known_ones(candle_interval):
    with pytest.raises(FatalSourceError, match="Set candle_interval to one of: 1s, 1m"):
        get_source("binance").interval_length(candle_interval)


@pytest.mark.parametrize("now", [DAY.ends_at, DAY.ends_at + timedelta(days=400)])
def test_a_window_that_has_ended_may_be_fetched(now):
    refuse_unclosed(DAY, now)


@pytest.mark.parametrize(
    "now",
    [
        DAY.ends_at - timedelta(microseconds=1),
        DAY.starts_at,
        datetime(2023, 12, 19, 0, 30, tzinfo=timezone(timedelta(hours=1))),
    ],
)
def test_a_window_that_has_not_ended_is_refused(now):
    with pytest.raises(FatalSourceError, match=r"\[2023-12-18, 2023-12-19\).* at 2023-12-19T00:00:00Z or later"):
        refuse_unclosed(DAY, now)


def test_a_clock_without_a_time_zone_is_refused():
    with pytest.raises(ValueError, match="time zone"):
        refuse_unclosed(DAY, datetime(2024, 1, 1))  # noqa: DTZ001 - the test needs a naive time


@pytest.mark.parametrize(
    "api_url", ["ftp://host", "host", "https://", "https://h?x=1", "https://h#f", "https://u:hunter2@h", "http://[h"]
)
def test_an_invalid_base_url_is_refused_without_showing_it(api_url):
    with pytest.raises(FatalSourceError, match="not the base URL") as caught:
        checked_api_url(api_url)
    assert "hunter2" not in str(caught.value)


def test_windows_are_in_utc():
    assert DAY.ends_at.tzinfo is UTC
