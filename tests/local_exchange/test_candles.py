from __future__ import annotations

import csv
import gzip
import os
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local_exchange.candles import (
    COINS,
    DAY_MS,
    DOLLAR_COINS,
    HOUR_MS,
    INTERVALS,
    GeneratedCandles,
    MarketDataError,
    RecordedCandles,
    UnknownIntervalError,
)
from local_exchange.coinbase import Coinbase
from local_exchange.coingecko import CoinGecko

OPEN, HIGH, LOW, CLOSE, VOLUME, CLOSE_TIME, QUOTE, TRADES, TAKER, TAKER_QUOTE = range(1, 11)
HEADER = "open_time_ms,open,high,low,close,volume"
START = 1702857600000  # 2023-12-18T00:00:00Z
LATER = START + 400 * DAY_MS
GENERATED = GeneratedCandles()
PREMIUMS = (None, Coinbase.premium, CoinGecko.premium)

symbols = st.sampled_from(sorted(COINS))
interval_names = st.sampled_from(sorted(INTERVALS))
instants = st.integers(0, 4_000_000_000_000)
recent_instants = st.integers(1_000_000_000_000, 4_000_000_000_000)


def generated(symbol, interval, start_ms=None, end_ms=None, limit=1000, now_ms=LATER, book=GENERATED):
    return book.candles(symbol, interval, start_ms=start_ms, end_ms=end_ms, limit=limit, now_ms=now_ms)


def recorded(folder: Path, symbol="BTCUSDT", start_ms=0, end_ms=None, limit=1000, now_ms=LATER, interval="1h"):
    return RecordedCandles(folder).candles(
        symbol, interval, start_ms=start_ms, end_ms=end_ms, limit=limit, now_ms=now_ms
    )


def write_recorded(folder: Path, *lines: str, symbol="BTCUSDT", header=HEADER) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / f"{symbol}.csv.gz").write_bytes(gzip.compress("\n".join([header, *lines, ""]).encode()))
    return folder


RECORDED_ROW = "94000.1,94100.5,93900,94050.2,12.5"


@pytest.mark.parametrize(
    ("time", "words"),
    [
        ("1735689600000000", "is in microseconds (2025-01-01T00:00:00Z), but open_time_ms must be in milliseconds"),
        ("1735689600", "is in seconds (2025-01-01T00:00:00Z), but open_time_ms must be in milliseconds"),
        ("1735689600000000000", "is in nanoseconds (2025-01-01T00:00:00Z), but open_time_ms must be in milliseconds"),
        ("17356896000000", "is not a time in milliseconds between the years 2009 and 2099"),
    ],
)
def test_a_time_in_another_unit_is_refused_with_file_line_and_unit(tmp_path, time, words):
    """Binance's archives are in microseconds from 2025."""
    rows = [f"{time_ms},{RECORDED_ROW}" for time_ms in (1735603200000, 1735606800000, time)]
    folder = write_recorded(tmp_path / "klines", *rows)
    with pytest.raises(MarketDataError) as refused:
        recorded(folder, now_ms=4_000_000_000_000)
    assert str(refused.value).startswith(f"BTCUSDT.csv.gz, line 4: {time} {words}")


# --- intervals -------------------------------------------------------------------------------------------------------


@given(interval_names, instants)
def test_every_instant_belongs_to_one_candle(name, time_ms):
    interval = INTERVALS[name]
    number = interval.number_at(time_ms)
    assert interval.open_time(number) <= time_ms < interval.open_time(number + 1)


@pytest.mark.parametrize(("name", "opens"), [("1w", "2023-12-18"), ("1M", "2023-12-01"), ("1d", "2023-12-20")])
def test_weeks_begin_on_monday_and_months_on_the_first(name, opens):
    moment = int(datetime(2023, 12, 20, 15, tzinfo=UTC).timestamp()) * 1000
    interval = INTERVALS[name]
    open_ms = interval.open_time(interval.number_at(moment))
    assert datetime.fromtimestamp(open_ms / 1000, UTC).isoformat() == f"{opens}T00:00:00+00:00"


# --- generated -------------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(symbols, interval_names, instants, st.integers(1, 12), st.sampled_from(PREMIUMS))
def test_generated_candles_are_valid(symbol, name, start_ms, limit, premium):
    book = GeneratedCandles(premium)
    rows = generated(symbol, name, start_ms=start_ms, limit=limit, now_ms=10_000_000_000_000, book=book)
    interval = INTERVALS[name]
    assert len(rows) == limit
    assert rows[0][0] >= start_ms > interval.open_time(interval.number_at(rows[0][0]) - 1)
    for row in rows:
        assert len(row) == 12
        assert row[CLOSE_TIME] + 1 == interval.open_time(interval.number_at(row[0]) + 1)
        prices = [Decimal(row[column]) for column in (OPEN, HIGH, LOW, CLOSE)]
        assert 0 < prices[2] == min(prices)
        assert prices[1] == max(prices)
        volume, quote = Decimal(row[VOLUME]), Decimal(row[QUOTE])
        assert volume > 0
        # To the exchange's eighth decimal: a quote volume is prices times volume, whichever price each trade had.
        assert prices[2] * volume - Decimal("1e-8") <= quote <= prices[1] * volume + Decimal("1e-8")
        assert 0 <= Decimal(row[TAKER]) <= volume
        assert isinstance(row[TRADES], int)
        assert row[TRADES] > 0
        for column in (OPEN, HIGH, LOW, CLOSE, VOLUME, QUOTE, TAKER, TAKER_QUOTE):
            assert len(row[column].partition(".")[2]) == 8
    for before, after in pairwise(rows):
        assert after[OPEN] == before[CLOSE]
        assert after[0] == before[CLOSE_TIME] + 1


@settings(max_examples=60, deadline=None)
@given(symbols, interval_names, recent_instants, st.integers(1, 10), st.integers(0, 30), st.integers(1, 30))
def test_a_closed_candle_is_the_same_in_every_response(symbol, name, time_ms, limit, earlier, later):
    """For every requested range, at any time after it closed, and from another generator."""
    interval = INTERVALS[name]
    number = interval.number_at(time_ms)
    closes_ms = interval.open_time(number + 1)
    (candle,) = generated(symbol, name, interval.open_time(number), limit=1, now_ms=closes_ms)
    first = interval.open_time(number - earlier)
    among = generated(symbol, name, first, closes_ms - 1, limit=1000, now_ms=closes_ms + later * DAY_MS)
    assert among[-1] == candle
    latest = GeneratedCandles().candles(
        symbol, name, start_ms=None, end_ms=interval.open_time(number), limit=limit, now_ms=closes_ms
    )
    assert latest[-1] == candle


def test_generated_candles_are_the_same_on_every_machine():
    """A change here changes the local data of every user, so it must be deliberate."""
    assert generated("BTCUSDT", "1h", START, limit=1) == [
        [
            1702857600000,
            "42703.79000000",
            "42703.79000000",
            "42518.48000000",
            "42518.48000000",
            "1898.50915000",
            1702861199999,
            "80884917.71065970",
            54051,
            "770.79471000",
            "32839276.38176609",
            "0",
        ]
    ]


@settings(max_examples=60, deadline=None)
@given(symbols, interval_names, recent_instants)
def test_exchanges_differ_by_a_few_basis_points_and_never_agree(symbol, name, start_ms):
    """At least one price step apart, which is more than five basis points for some coins."""
    books = [GeneratedCandles(premium) for premium in PREMIUMS]
    rows = [generated(symbol, name, start_ms, limit=5, now_ms=5_000_000_000_000, book=book) for book in books]
    step = Decimal(1).scaleb(-COINS[symbol].price_digits)
    for binance, coinbase, coingecko in zip(*rows, strict=True):
        assert binance[0] == coinbase[0] == coingecko[0]
        for column in (OPEN, HIGH, LOW, CLOSE):
            middle, above, below = (Decimal(row[column]) for row in (binance, coinbase, coingecko))
            assert below < middle < above
            assert max(middle - below, above - middle) <= Decimal(binance[HIGH]) * 5 / 10_000 + step


def test_the_difference_between_exchanges_changes_with_the_market_and_the_time():
    def premiums(symbol, premium):
        days = [generated(symbol, "1h", START, limit=24, book=GeneratedCandles(p)) for p in (premium, None)]
        return [Decimal(row[OPEN]) / Decimal(other[OPEN]) - 1 for row, other in zip(*days, strict=True)]

    bitcoin, ether, mirrored = (
        premiums("BTCUSDT", Coinbase.premium), premiums("ETHUSDT", Coinbase.premium),
        [-premium for premium in premiums("BTCUSDT", CoinGecko.premium)],
    )  # fmt: skip
    assert len(set(bitcoin)) == 24
    for other in (ether, mirrored):
        assert max(abs(one - two) for one, two in zip(bitcoin, other, strict=True)) > Decimal("0.00005")


def test_markets_differ_and_move():
    days = {symbol: generated(symbol, "1d", START, limit=30) for symbol in COINS}
    assert len({tuple(row[OPEN] for row in rows) for rows in days.values()}) == len(COINS) >= 20
    for symbol, rows in days.items():
        assert len({row[CLOSE] for row in rows}) > 20, symbol


@settings(max_examples=60, deadline=None)
@given(symbols, interval_names, st.lists(st.floats(0, 1), min_size=2, max_size=5))
def test_an_open_candle_grows_into_the_closed_one(symbol, name, shares):
    interval = INTERVALS[name]
    number = interval.number_at(START)
    open_ms, next_ms = interval.open_time(number), interval.open_time(number + 1)
    instants = [*(open_ms + int((next_ms - open_ms) * share) for share in sorted(shares)), next_ms]
    states = [generated(symbol, name, open_ms, open_ms, now_ms=now_ms)[0] for now_ms in instants]
    for before, after in pairwise(states):
        assert (before[0], before[OPEN], before[CLOSE_TIME]) == (after[0], after[OPEN], after[CLOSE_TIME])
        assert Decimal(before[HIGH]) <= Decimal(after[HIGH])
        assert Decimal(before[LOW]) >= Decimal(after[LOW])
        assert Decimal(before[VOLUME]) <= Decimal(after[VOLUME])
        assert before[TRADES] <= after[TRADES]


def test_an_open_candle_differs_from_the_closed_one():
    (running,) = generated("BTCUSDT", "1h", START, START, now_ms=START + HOUR_MS // 2)
    (closed,) = generated("BTCUSDT", "1h", START, START)
    assert running != closed
    assert running[CLOSE_TIME] == closed[CLOSE_TIME] > START + HOUR_MS // 2


@given(interval_names, instants)
def test_no_candle_opens_in_the_future(name, now_ms):
    rows = generated("BTCUSDT", name, start_ms=max(0, now_ms - 1), limit=3, now_ms=now_ms)
    assert all(row[0] <= now_ms for row in rows)
    assert generated("BTCUSDT", name, start_ms=now_ms + 1, limit=3, now_ms=now_ms) == []


def test_ranges_follow_binances_rules():
    day = generated("BTCUSDT", "1h", START, START + DAY_MS - 1)
    assert [row[0] for row in day] == [START + hour * HOUR_MS for hour in range(24)]
    assert generated("BTCUSDT", "1h", START, START + DAY_MS, limit=25)[-1][0] == START + DAY_MS  # the end is included
    assert generated("BTCUSDT", "1h", START + 1, START + HOUR_MS)[0][0] == START + HOUR_MS
    assert generated("BTCUSDT", "1h", START + 1, START + HOUR_MS - 1) == []
    assert generated("BTCUSDT", "1h", START + 1, START) == []
    latest = generated("BTCUSDT", "1h", end_ms=START + DAY_MS - 1, limit=3)
    assert latest == day[-3:]
    assert [row[0] for row in generated("BTCUSDT", "1d", limit=2)] == [LATER - DAY_MS, LATER]
    assert len(generated("BTCUSDT", "1d", end_ms=DAY_MS, limit=10)) == 2  # there are no candles before 1970


def test_the_generator_rejects_intervals_that_binance_does_not_have():
    with pytest.raises(UnknownIntervalError):
        generated("BTCUSDT", "7h", START)


# --- recorded --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("folder_name", ["binance-1h", "any name"])
def test_recorded_candles_are_served_digit_for_digit(tmp_path, folder_name):
    folder = write_recorded(
        tmp_path / folder_name,
        f"{START},0.00024320,0.1000000000000000000001,0.0,12345678901234567890.10,5.",
        f"{START + HOUR_MS},1,1,1,1,1",
    )
    rows = recorded(folder)
    assert rows[0] == [
        *(START, "0.00024320", "0.1000000000000000000001", "0.0", "12345678901234567890.10", "5."),
        *(START + HOUR_MS - 1, None, None, None, None, "0"),
    ]
    assert len(rows) == 2
    if folder_name == "binance-1h":
        assert recorded(tmp_path) == rows


def test_recorded_gaps_and_unlisted_days_stay_empty(tmp_path):
    hours = (0, 1, 5)
    folder = write_recorded(tmp_path, *(f"{START + hour * HOUR_MS},1,1,1,1,1" for hour in hours))
    assert [row[0] for row in recorded(folder)] == [START + hour * HOUR_MS for hour in hours]
    assert recorded(folder, end_ms=START - 1) == []
    assert recorded(folder, start_ms=START + 2 * HOUR_MS, end_ms=START + 4 * HOUR_MS) == []
    assert len(recorded(folder, start_ms=START + HOUR_MS, limit=1)) == 1
    assert [row[0] for row in recorded(folder, start_ms=None, limit=2)] == [START + HOUR_MS, START + 5 * HOUR_MS]


def test_a_recorded_candle_that_is_still_open_is_not_served(tmp_path):
    folder = write_recorded(tmp_path, f"{START},1,1,1,1,1")
    assert recorded(folder, now_ms=START + HOUR_MS - 1) == []
    assert len(recorded(folder, now_ms=START + HOUR_MS)) == 1


def test_changing_a_response_does_not_change_the_recording(tmp_path):
    book = RecordedCandles(write_recorded(tmp_path, f"{START},1,1,1,1,1"))
    query = {"start_ms": 0, "end_ms": None, "limit": 5, "now_ms": LATER}
    book.candles("BTCUSDT", "1h", **query)[0][OPEN] = "changed"
    assert book.candles("BTCUSDT", "1h", **query)[0][OPEN] == "1"


def test_recorded_candles_are_only_hourly(tmp_path):
    with pytest.raises(UnknownIntervalError):
        recorded(write_recorded(tmp_path, f"{START},1,1,1,1,1"), interval="1d")


def test_files_are_read_on_demand(tmp_path):
    folder = write_recorded(tmp_path, f"{START},1,1,1,1,1")
    (folder / "ETHUSDT.csv.gz").write_bytes(b"broken")
    book = RecordedCandles(folder)
    assert book.symbols == {"BTCUSDT", "ETHUSDT"}
    assert recorded(folder)
    with pytest.raises(MarketDataError, match=r"ETHUSDT\.csv\.gz cannot be read"):
        recorded(folder, symbol="ETHUSDT")


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([f"{START},1,1,1,1"], "line 2: expected 6 values"),
        ([f"{START},1,1,,1,1"], "line 2: expected 6 values"),
        ([f"{START},1,1,1,1,1,1"], "line 2: expected 6 values"),
        (["yesterday,1,1,1,1,1"], "line 2"),
        ([f"{START + 1},1,1,1,1,1"], f"line 2: {START + 1} is not a full hour"),
        ([f"{START},1,1,1,1,1", f"{START},1,1,1,1,1"], f"line 3: {START} is not a full hour after"),
        ([f"{START},1,1,1,1,1", f"{START - HOUR_MS},1,1,1,1,1"], f"line 3: {START - HOUR_MS} is not a full hour after"),
    ],
)
def test_a_damaged_recording_is_refused(tmp_path, lines, message):
    with pytest.raises(MarketDataError, match=message):
        recorded(write_recorded(tmp_path, *lines))


def test_other_columns_are_refused(tmp_path):
    with pytest.raises(MarketDataError, match=r"found .*'time', 'o', 'h', 'l', 'c', 'v'"):
        recorded(write_recorded(tmp_path, header="time,o,h,l,c,v"))


def test_a_cut_off_recording_is_refused(tmp_path):
    folder = write_recorded(tmp_path, *(f"{START + hour * HOUR_MS},1,1,1,1,1" for hour in range(50)))
    file = folder / "BTCUSDT.csv.gz"
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(MarketDataError, match="cannot be read"):
        recorded(folder)


def test_a_folder_without_recordings_is_refused(tmp_path):
    with pytest.raises(MarketDataError, match=f"{tmp_path} has no recorded candles"):
        RecordedCandles(tmp_path)
    (tmp_path / "readme-btc.csv.gz").write_bytes(b"")
    with pytest.raises(MarketDataError, match=r"must be markets .*: readme-btc"):
        RecordedCandles(tmp_path)


@pytest.mark.skipif("MARKET_DATA" not in os.environ, reason="MARKET_DATA is not set to a folder of recorded candles")
def test_every_recorded_file_is_served_unchanged():
    folder = Path(os.environ["MARKET_DATA"])
    files = sorted(folder.rglob("*.csv.gz"))
    assert files
    book = RecordedCandles(folder)
    for file in files:
        with gzip.open(file, "rt", newline="") as lines:
            expected = list(csv.reader(lines))[1:]
        rows = book.candles(
            file.name.removesuffix(".csv.gz"), "1h", start_ms=0, end_ms=None, limit=len(expected) + 1, now_ms=LATER
        )
        assert [[str(row[0]), *row[1:6]] for row in rows] == expected
        assert all(row[6:] == [row[0] + HOUR_MS - 1, None, None, None, None, "0"] for row in rows)


# --- stablecoins ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("symbol", ["USDCUSDT", *DOLLAR_COINS])
def test_a_stablecoin_stays_within_20_basis_points_but_is_not_at_par(symbol):
    rows = generated(symbol, "1d", START, limit=365)
    prices = [Decimal(row[column]) for row in rows for column in (HIGH, LOW)]
    assert all(abs(price - 1) <= Decimal("0.002") for price in prices)
    assert len(set(prices)) > 100


def test_a_price_in_usdc_is_that_in_usdt_divided_by_the_price_of_usdc():
    bitcoin, cross, usdc = (
        Decimal(generated(symbol, "1h", START, limit=1)[0][OPEN]) for symbol in ("BTCUSDT", "BTCUSDC", "USDCUSDT")
    )
    assert cross == (bitcoin / usdc).quantize(Decimal("0.01")) != bitcoin
