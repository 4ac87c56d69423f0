from __future__ import annotations

import io
import json
from dataclasses import asdict

import pytest
from crypto_prices_contract.window import Window
from crypto_prices_etl import quarantined_candles as module
from crypto_prices_etl.errors import RejectedRecordsError
from crypto_prices_etl.lake_files import RunPaths
from crypto_prices_etl.quarantined_candles import quarantined_candles, read_quarantined_candles

WINDOW = Window.parse("2023-12-18", "2023-12-20")


def line(hour, symbol="BTC", *, minute=0, interval="1h", **changes):
    observed_at = f"2023-12-18T{hour:02d}:{minute:02d}:00.000000Z"
    record = {"source": "binance", "candle_interval": interval, "symbol": symbol, "quote_currency": "USDT"}
    return json.dumps(record | {"observed_at": observed_at} | changes).encode()


def test_consecutive_candles_form_one_run_and_copies_count_once():
    found = quarantined_candles([line(5), line(3), line(4), line(4), line(9), line(4, "ETH")], WINDOW)
    assert [asdict(candles) for candles in found] == [
        {
            "source": "binance", "candle_interval": "1h", "symbol": symbol, "quote_currency": "USDT",
            "observed_at": f"2023-12-18 {hour:02d}:00:00", "candles": number,
        }
        for symbol, hour, number in (("BTC", 3, 3), ("BTC", 9, 1), ("ETH", 4, 1))
    ]  # fmt: skip


def test_records_that_are_not_candles_of_the_window_are_ignored():
    others = [
        line(5, observed_at=None),
        line(5, minute=30),
        line(5, observed_at="2023-12-17T23:00:00.000000Z"),
        line(5, observed_at="2023-12-20T00:00:00.000000Z"),
    ]
    assert quarantined_candles(others, WINDOW) == []
    (last,) = quarantined_candles([line(5, observed_at="2023-12-19T23:00:00.000000Z")], WINDOW)
    assert last.observed_at == "2023-12-19 23:00:00"


def test_more_places_than_the_report_can_list_fail_the_run(lake, monkeypatch):
    monkeypatch.setattr(module, "MOST_RUNS", 2)
    paths = RunPaths("crypto-prices-lake", "jr_places")
    for number, hours in enumerate(((1, 2), (5,))):
        body = io.BytesIO(b"\n".join(map(line, hours)) + b"\n")
        lake.s3.put_object(Bucket=paths.bucket, Key=f"{paths.quarantine_prefix}part-{number}.json", Body=body)
    assert [candles.candles for candles in read_quarantined_candles(lake.s3, paths, WINDOW)] == [2, 1]
    lake.s3.put_object(Bucket=paths.bucket, Key=f"{paths.quarantine_prefix}part-2.json", Body=line(9))
    with pytest.raises(RejectedRecordsError, match=r"^CP-13 .*rejected in 3 places, more than the 2"):
        read_quarantined_candles(lake.s3, paths, WINDOW)
