from __future__ import annotations

import io
import json

import pytest
from crypto_prices_contract.curation_report import QuarantinedCandles
from crypto_prices_contract.window import Window
from crypto_prices_etl import quarantined_candles as module
from crypto_prices_etl.lake_files import RunPaths
from crypto_prices_etl.quarantined_candles import quarantine, read_quarantine, refuse_rejected_ranges

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
    assert read_quarantine(lake.s3, paths, WINDOW).candles == (run(1, 2, "BTC"), run(5, 1, "BTC"))


def test_the_source_with_the_most_places_is_refused_if_the_report_cannot_list_all(monkeypatch):
    many = [run(hour, 1, "BTC", source="binance") for hour in range(0, 24, 2)]
    few = [run(hour, 1, "BTC", source="coinbase") for hour in (1, 3)]
    monkeypatch.setattr(module, "MOST_BYTES", 1000)
    (refused,) = refuse_rejected_ranges([*many, *few], "s3://q/")
    assert (refused.source, refused.code) == ("binance", "CP-13")
    assert "candles of binance were rejected in 12 places" in refused.problem
    assert refuse_rejected_ranges(few, "s3://q/") == []


def test_a_bad_day_of_a_venue_with_2000_markets_fits():
    assert refuse_rejected_ranges([run(0, 24, *(f"COIN{n:04d}" for n in range(2000)))], "s3://q/") == []
