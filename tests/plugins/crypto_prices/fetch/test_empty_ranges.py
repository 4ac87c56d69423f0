from __future__ import annotations

import pytest
from crypto_prices.fetch.empty_ranges import empty_ranges
from crypto_prices.xcom.fetched_source import EmptyRange
from crypto_prices_contract.markets import Market
from crypto_prices_contract.raw_manifest import RawManifest, RawObject
from crypto_prices_contract.window import Window

BTC, ETH = Market("BTCUSDT", "BTC", "USDT"), Market("ETHUSDT", "ETH", "USDT")
DAY = ("2023-12-18", "2023-12-19")


def response(market: Market, start: str, end: str, records: int = 0) -> RawObject:
    return RawObject(
        uri=f"s3://lake/{market.exchange_symbol}.json.gz",
        exchange_symbol=market.exchange_symbol,
        symbol=market.symbol,
        quote_currency=market.quote_currency,
        url="https://x/klines",
        status=200,
        fetched_at="2024-01-01T00:00:00.000Z",
        sha256="a" * 64,
        body_bytes=2,
        records=records,
        surplus=0,
        requested_from=start,
        requested_until=end,
        etag="e" * 32,
        version_id=None,
    )


def found(
    *objects: RawObject, window: tuple[str, str] = DAY, interval: str = "1m", candles_a_day: int = 1440
) -> list[EmptyRange]:
    days = Window.parse(*window)
    return empty_ranges(
        RawManifest(
            uri="s3://lake/manifest.json",
            source="binance",
            window=days,
            candle_interval=interval,
            attempt="a1",
            expected_records=candles_a_day * len(days.days()),
            markets=(BTC, ETH),
            objects=objects,
            written_at="2024-01-01T00:00:00.000Z",
        )
    )


def at(time: str, day: str = DAY[0]) -> str:
    return f"{day}T{time}:00.000Z"


def one(observed_at: str, candles: int, *markets: str) -> EmptyRange:
    return EmptyRange(observed_at, candles, list(markets))


END = at("00:00", DAY[1])


def test_the_second_page_of_a_day_in_minutes():
    first = response(BTC, at("00:00"), END, 1000)
    assert found(first, *2 * [response(BTC, at("16:40"), END)]) == [one("2023-12-18 16:40:00", 440, "BTC/USDT")]


def test_the_rest_of_a_truncated_page_of_hours():
    objects = response(BTC, at("00:00"), END, 20), *2 * [response(BTC, at("20:00"), END)]
    assert found(*objects, interval="1h", candles_a_day=24) == [one("2023-12-18 20:00:00", 4, "BTC/USDT")]


def test_a_page_that_had_rows_when_it_was_requested_again_is_not_empty():
    assert found(response(BTC, at("00:00"), END), response(BTC, at("00:00"), END, 3)) == []


def test_markets_with_the_same_range_share_it():
    objects = [response(market, at("16:40"), END) for market in (ETH, BTC)]
    assert found(*objects) == [one("2023-12-18 16:40:00", 440, "BTC/USDT", "ETH/USDT")]


def test_ranges_that_touch_become_one_and_whole_days_are_left_out():
    """Coinbase's requests of 300 candles of five minutes have 25 hours."""
    cuts = ["2023-12-18T00:00", "2023-12-19T01:00", "2023-12-20T02:00", "2023-12-21T03:00"]
    starts, ends = cuts[:-1], cuts[1:]
    objects = [
        response(BTC, f"{start}:00.000Z", f"{end}:00.000Z", records)
        for start, end, records in zip(starts, ends, (12, 0, 0), strict=True)
    ]
    assert found(*objects, window=("2023-12-18", "2023-12-22"), interval="5m", candles_a_day=288) == [
        one("2023-12-19 01:00:00", 23 * 12, "BTC/USDT"),
        one("2023-12-21 00:00:00", 3 * 12, "BTC/USDT"),
    ]
    assert found(response(BTC, at("00:00"), at("12:00")), response(BTC, at("12:00"), END)) == []


def test_a_request_between_two_candles_begins_with_the_next_one():
    """Binance's next page starts one interval after the last candle, whatever its time is."""
    assert found(response(BTC, "2023-12-18T16:39:59.001Z", END)) == [one("2023-12-18 16:40:00", 440, "BTC/USDT")]


def test_days_outside_the_window_are_left_out():
    """CoinGecko's requests begin up to a day before the window."""
    assert found(response(BTC, at("12:00", "2023-12-17"), at("03:00"))) == [one("2023-12-18 00:00:00", 180, "BTC/USDT")]


def test_candles_of_a_day_are_whole_days():
    assert found(response(BTC, at("00:00"), END), interval="1d", candles_a_day=1) == []


@pytest.mark.parametrize("market_total", [100, 2000])
def test_too_many_markets_are_all_markets(market_total):
    markets = [Market(f"COIN{number}USDT", f"COIN{number}", "USDT") for number in range(market_total)]
    ranges = found(*[response(market, at("16:40"), END) for market in markets])
    names = sorted(market.name for market in markets) if market_total == 100 else []
    assert ranges == [one("2023-12-18 16:40:00", 440, *names)]


def test_too_many_ranges_are_the_whole_window():
    minutes = [f"{hour:02d}:{minute:02d}" for hour in range(24) for minute in range(0, 60, 2)]
    objects = [response(BTC, at(minute), at(minute[:-1] + str(int(minute[-1]) + 1))) for minute in minutes]
    assert found(*objects) == [one("2023-12-18 00:00:00", 1440)]
