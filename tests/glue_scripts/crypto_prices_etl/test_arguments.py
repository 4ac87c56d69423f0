from __future__ import annotations

import datetime as dt

import pytest
from crypto_prices_etl.arguments import CurationArguments
from crypto_prices_etl.candle_intervals import interval_ms
from crypto_prices_etl.errors import CurationError

OPTIONS = {
    "JOB_RUN_ID": "jr_1",
    "raw_manifests": "s3://b/one.json, s3://b/two.json",
    "window_start": "2023-12-31",
    "window_end": "2024-01-02",
    "batch_id": "batch",
    "catalog_database": "crypto",
    "catalog_table": "crypto_prices",
    "lake_bucket": "b",
    "max_rejected_share": "0.01",
    "accepted_sources": "binance",
    "row_rules": "default",
}


def test_arguments_are_read():
    arguments = CurationArguments.from_options(OPTIONS)
    assert arguments.raw_manifests == ("s3://b/one.json", "s3://b/two.json")
    assert arguments.window.days() == [dt.date(2023, 12, 31), dt.date(2024, 1, 1)]
    assert arguments.window.end_ms - arguments.window.start_ms == 2 * 86_400_000
    assert arguments.max_rejected_share == 0.01
    assert arguments.accepted_sources == {"binance"}


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("raw_manifests", " , ", "raw_manifests is empty"),
        ("raw_manifests", "s3://b/a,s3://b/a", "lists a manifest twice"),
        ("JOB_RUN_ID", "a/b", "cannot be the name of a folder"),
        ("batch_id", "", "1 to 128 bytes"),
        ("batch_id", "é" * 65, "1 to 128 bytes"),
        ("window_start", "yesterday", "'yesterday' is not a day: write it as YYYY-MM-DD"),
        ("window_end", "2023-12-31", "must end after it starts"),
        ("max_rejected_share", "1 %", "not a number"),
        ("max_rejected_share", "nan", "between 0 and 1"),
        ("max_rejected_share", "1.5", "between 0 and 1"),
    ],
)
def test_invalid_arguments_are_refused(name, value, message):
    with pytest.raises(CurationError, match=message):
        CurationArguments.from_options({**OPTIONS, name: value})


@pytest.mark.parametrize(("text", "length"), [("1m", 60_000), ("15m", 900_000), ("1h", 3_600_000), ("1d", 86_400_000)])
def test_intervals_that_divide_a_day(text, length):
    assert interval_ms(text) == length


@pytest.mark.parametrize("text", ["", "h", "0h", "7h", "2d", "1w", "1M", "1h ", "-1h"])
def test_other_intervals_are_refused(text):
    with pytest.raises(CurationError, match="does not divide a day"):
        interval_ms(text)
