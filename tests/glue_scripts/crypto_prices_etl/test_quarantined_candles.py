from __future__ import annotations

import io
import json

import pytest
from crypto_prices_contract.curation_report import QuarantinedCandles
from crypto_prices_contract.window import Window
from crypto_prices_etl import quarantined_candles as module
from crypto_prices_etl.lake_files import RunPaths
from crypto_prices_etl.quarantined_candles import quarantine, read_quarantine

WINDOW = Window.parse("2023-12-18", "2023-12-20")


def line(hour, symbol="BTC", *, minute=0, interval="1h", **changes):
    observed_at = f"2023-12-18T{hour:02d}:{minute:02d}:00.000000Z"
    record = {"source": "binance", "candle_interval": interval, "symbol": symbol, "quote_currency": "USDT"}
    return json.dumps(record | {"observed_at": observed_at} | changes).encode()


def run(hour, candles, *symbols, source="binance"):
    markets = tuple(f"{symbol}/USDT" for symbol in symbols)
    return QuarantinedCandles(source, "1h", f"2023-12-18 {hour:02d}:00:00", candles, markets)


def test_consecutive_candles_form_one_run_and_copies_count_once():
    found = quarantine([line(5), line(3), line(4), line(4), line(9), line(4, "ETH")], WINDOW)
    assert found.candles == (run(3, 3, "BTC"), run(4, 1, "ETH"), run(9, 1, "BTC"))
    assert found.markets == {"binance": 2}


def test_markets_with_the_same_run_share_it():
    lines = [line(hour, symbol) for symbol in ("SOL", "BTC", "ETH") for hour in (6, 7)]
    assert quarantine(lines, WINDOW).candles == (run(6, 2, "BTC", "ETH", "SOL"),)


@pytest.mark.parametrize(
    ("observed_at", "candles"),
    [
        ("2023-12-18T05:59:57.000000Z", (run(5, 2, "BTC"),)),
        ("2023-12-18T06:00:00.000000Z", (run(6, 1, "BTC"),)),
        ("2023-12-18T06:00:00.001000Z", (run(6, 2, "BTC"),)),
        ("2023-12-18T06:31:00.000000Z", (run(6, 2, "BTC"),)),
        ("2023-12-17T23:59:57.000000Z", (run(0, 1, "BTC"),)),
        ("2023-12-17T22:59:57.000000Z", ()),
    ],
)
def test_a_record_off_the_grid_belongs_to_both_candles_that_it_overlaps(observed_at, candles):
    assert quarantine([line(0, observed_at=observed_at)], WINDOW).candles == candles


def test_a_day_off_the_grid_explains_the_whole_day():
    """Binance after its outage in February 2018: each candle opens 28 minutes past the hour."""
    day = [line(hour, observed_at=f"2023-12-18T{hour:02d}:28:14.789000Z") for hour in range(24)]
    (found,) = quarantine(day, Window.parse("2023-12-18", "2023-12-19")).candles
    assert found == run(0, 24, "BTC")


def test_records_that_are_not_candles_of_the_window_explain_none():
    others = [
        line(5, observed_at=None),
        line(5, observed_at="2023-12-17T23:00:00.000000Z"),
        line(5, observed_at="2023-12-20T00:00:00.000000Z"),
    ]
    found = quarantine(others, WINDOW)
    assert (found.candles, found.markets) == ((), {"binance": 1})
    (last,) = quarantine([line(5, observed_at="2023-12-19T23:00:00.000000Z")], WINDOW).candles
    assert last.observed_at == "2023-12-19 23:00:00"


def test_the_quarantine_is_read_from_all_its_files(lake):
    paths = RunPaths("crypto-prices-lake", "jr_places")
    for number, hours in enumerate(((1, 2), (5,))):
        body = io.BytesIO(b"\n".join(map(line, hours)) + b"\n")
        lake.s3.put_object(Bucket=paths.bucket, Key=f"{paths.quarantine_prefix}part-{number}.json", Body=body)
    unfinished = f"{paths.quarantine_prefix}__magic_job-1/job-1/00/tasks/attempt_1/__base/part-2.json"
    lake.s3.put_object(Bucket=paths.bucket, Key=unfinished, Body=line(9))
    assert read_quarantine(lake.s3, paths, WINDOW).candles == (run(1, 2, "BTC"), run(5, 1, "BTC"))


def test_more_runs_than_a_statement_can_have_stand_for_all_markets_and_then_for_the_window(monkeypatch):
    """A user can accept such a day, too."""
    few = [line(1, source="coinbase"), line(3, source="coinbase")]
    monkeypatch.setattr(module, "MOST_BYTES", 1000)
    names = [f"COIN{number:04d}" for number in range(100)]
    shared = [line(hour, name) for name in names for hour in (5, 6, 9)]
    assert quarantine([*shared, *few], WINDOW).candles == (
        run(5, 2), run(9, 1), run(1, 1, "BTC", source="coinbase"), run(3, 1, "BTC", source="coinbase")
    )  # fmt: skip
    many = [line(hour) for hour in range(0, 24, 2)]
    assert quarantine([*many, *few], WINDOW).candles[0] == run(0, 48)


def test_a_bad_day_of_a_venue_with_2000_markets_fits():
    names = [f"COIN{number:04d}" for number in range(2000)]
    (found,) = quarantine([line(hour, name) for name in names for hour in range(24)], WINDOW).candles
    assert found == run(0, 24, *names)
