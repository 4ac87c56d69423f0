"""The window's quarantined candles. The report lists them, so that the warehouse can explain why they are missing."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable
from itertools import groupby
from typing import TYPE_CHECKING

from crypto_prices_contract.curation_report import QuarantinedCandles
from crypto_prices_contract.error_codes import TOO_MANY_REJECTED_RANGES

from crypto_prices_etl.candle_intervals import interval_ms
from crypto_prices_etl.errors import RejectedRecordsError

if TYPE_CHECKING:
    from crypto_prices_contract.window import Window
    from mypy_boto3_s3 import S3Client

    from crypto_prices_etl.lake_files import RunPaths

MOST_RUNS = 250
"""Maximum number of runs of consecutive candles that fit into the statement for the warehouse."""


def read_quarantined_candles(s3: S3Client, paths: RunPaths, window: Window) -> list[QuarantinedCandles]:
    """Return the window's candles in the run's quarantine, grouped into runs of consecutive candles.

    Raises:
        RejectedRecordsError: CP-13: there are more than ``MOST_RUNS`` runs.
    """
    lines: list[bytes] = []
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=paths.bucket, Prefix=paths.quarantine_prefix):
        for item in page.get("Contents", []):
            if item["Key"].endswith(".json"):
                body = s3.get_object(Bucket=paths.bucket, Key=item["Key"])["Body"]
                lines += body.iter_lines()
    found = quarantined_candles(lines, window)
    if len(found) > MOST_RUNS:
        raise RejectedRecordsError(
            TOO_MANY_REJECTED_RANGES,
            f"candles were rejected in {len(found)} places, more than the {MOST_RUNS} that the curation report can "
            f"list. Nothing was published. The rejected records are in {paths.uri(paths.quarantine_prefix)}",
        )
    return found


def quarantined_candles(lines: Iterable[bytes], window: Window) -> list[QuarantinedCandles]:
    """Return the candles in a quarantine's lines, grouped into runs of consecutive candles.

    A record without a readable time, outside the window, or off the grid is not a missing candle.

    Args:
        lines: JSON lines with source, candle_interval, symbol, quote_currency and observed_at.
        window: The requested days.
    """
    keys: set[tuple[str, str, str, str, int]] = set()
    for line in lines:
        record = json.loads(line)
        if record.get("observed_at") is None:
            continue
        length_ms = interval_ms(record["candle_interval"])
        opened_ms = round(dt.datetime.fromisoformat(record["observed_at"]).timestamp() * 1000)
        if window.start_ms <= opened_ms < window.end_ms and opened_ms % length_ms == 0:
            market = (record["source"], record["candle_interval"], record["symbol"], record["quote_currency"])
            keys.add((*market, opened_ms // length_ms))
    found = []
    # Within a run, a candle's number and its position grow together, so their difference is constant.
    for _, run in groupby(enumerate(sorted(keys)), lambda item: (item[1][:4], item[1][4] - item[0])):
        (_, (source, candle_interval, symbol, quote_currency, number)), *more = run
        opened = dt.datetime.fromtimestamp(number * interval_ms(candle_interval) / 1000, dt.UTC)
        found.append(
            QuarantinedCandles(
                source, candle_interval, symbol, quote_currency, f"{opened:%Y-%m-%d %H:%M:%S}", 1 + len(more)
            )
        )
    return found
