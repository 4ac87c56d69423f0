"""The view of missing candles."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tests.support.data_api import Client
from tests.support.window_loads import BTC, ETH, candles, remove

ALL = range(24)


def missing(client: Client, start: str, end: str, source: str = "binance") -> list[list]:
    return client.rows(
        "SELECT CAST(observed_on AS VARCHAR(10)), symbol || '/' || quote_currency, reason, candles "
        f"FROM crypto.missing_candles WHERE observed_on >= '{start}' AND observed_on < '{end}' AND source = '{source}' "
        "ORDER BY 1, 2, 3"
    )


def test_days_that_were_never_fetched_are_shown_for_any_period(client, make_load):
    make_load(candles(BTC, ETH, hours=ALL)).merged()
    make_load(candles(BTC, day="2023-12-20", hours=ALL), start="2023-12-20", end="2023-12-21").merged()
    assert missing(client, "2023-12-17", "2023-12-21") == [
        ["2023-12-17", BTC, "unfetched", 24],
        ["2023-12-17", ETH, "unfetched", 24],
        ["2023-12-19", BTC, "unfetched", 24],
        ["2023-12-19", ETH, "unfetched", 24],
        ["2023-12-20", ETH, "unfetched", 24],
    ]
    assert missing(client, "2015-05-05", "2015-05-06") == [
        ["2015-05-05", BTC, "unfetched", 24],
        ["2015-05-05", ETH, "unfetched", 24],
    ]


def test_each_day_and_reason_of_a_range_is_counted(client, make_load):
    make_load(candles(BTC, hours=range(20))).merged()
    two_days = candles(BTC, day="2023-12-20", hours=range(5, 24))
    make_load(two_days, start="2023-12-19", end="2023-12-21").merged()
    assert missing(client, "2023-12-18", "2023-12-21") == [
        ["2023-12-18", BTC, "no_trade", 4],
        ["2023-12-19", BTC, "empty_day", 24],
        ["2023-12-20", BTC, "no_trade", 5],
    ]


def test_removed_candles_are_missing(client, make_load):
    make_load(candles(BTC, ETH, hours=ALL)).merged()
    assert remove(client, BTC, "2023-12-18 05:00", "2023-12-18 08:00").error is None
    assert missing(client, "2023-12-18", "2023-12-19") == [["2023-12-18", BTC, "removed", 3]]
    covered = (
        "SELECT candles, gap_reason, gap_ranges, missing_candles FROM crypto_views.market_coverage WHERE symbol = 'BTC'"
    )
    assert client.rows(covered) == [[21, "removed", 1, 3]]


def test_a_market_whose_candles_were_all_removed_has_its_coverage(client, make_load):
    make_load(candles(BTC, ETH, hours=ALL)).merged()
    assert remove(client, BTC, "2023-12-18", "2023-12-19").error is None
    assert client.rows("SELECT * FROM crypto_views.market_coverage WHERE symbol = 'BTC'") == [
        ["binance", "BTC", "USDT", "1h", None, None, 0, "removed", 1, 24]
    ]


def test_a_window_without_candles_was_fetched(client, make_load):
    empty = make_load([], markets={"binance": [BTC]})
    assert client.batch(*empty.write_markets().empty_sql()).error is None
    assert missing(client, "2023-12-18", "2023-12-20") == [
        ["2023-12-18", BTC, "not_listed", 24],
        ["2023-12-19", BTC, "unfetched", 24],
    ]


def test_a_market_of_the_settings_is_missing_on_the_days_of_its_name(client, make_load):
    make_load(candles(BTC, hours=ALL)).merged()
    client.ok(
        "INSERT INTO crypto.expected_markets VALUES "
        "('coinbase', 'LUNA', 'USD', '15m', '2023-12-18', '2023-12-19', '2024-01-01'), "
        "('binance', 'BTC', 'USDT', '1h', NULL, NULL, '2024-01-01')"
    )
    assert missing(client, "2023-12-16", "2023-12-21", "coinbase") == [["2023-12-18", "LUNA/USD", "unfetched", 96]]
    assert missing(client, "2023-12-18", "2023-12-20") == [["2023-12-19", BTC, "unfetched", 24]]


def test_today_is_not_missing_yet(client, make_load):
    make_load(candles(BTC, hours=ALL)).merged()
    today = datetime.now(UTC).date()
    found = missing(client, str(today - timedelta(days=2)), str(today + timedelta(days=30)))
    assert found in (
        [[str(today - timedelta(days=back)), BTC, "unfetched", 24] for back in (2, 1)],
        # Midnight has passed since the day was read.
        [[str(today - timedelta(days=back)), BTC, "unfetched", 24] for back in (2, 1, 0)],
    )
