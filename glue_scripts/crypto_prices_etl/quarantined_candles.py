"""The window's quarantined candles. The report lists them, so that the warehouse can explain why they are missing."""

from __future__ import annotations

import datetime as dt
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING

from crypto_prices_contract.curation_report import QuarantinedCandles, RefusedSource
from crypto_prices_contract.error_codes import TOO_MANY_REJECTED_RANGES

from crypto_prices_etl.candle_intervals import interval_ms

if TYPE_CHECKING:
    from crypto_prices_contract.window import Window
    from mypy_boto3_s3 import S3Client

    from crypto_prices_etl.lake_files import RunPaths

MOST_BYTES = 40_000
"""Maximum size of the runs in the statement for the warehouse. The Data API accepts 100 KB per statement."""

_BYTES_PER_RUN = 200
_BYTES_PER_MARKET = 3
"""Sizes in the statement, beside the markets' names. A quotation mark in a name takes one more byte."""


@dataclass(frozen=True)
class Quarantine:
    """The rejected records of a run.

    Attributes:
        candles: The candles that the records belong to, in runs of consecutive candles.
        markets: Number of markets with a rejected record, by source.
    """

    candles: tuple[QuarantinedCandles, ...] = ()
    markets: Mapping[str, int] = field(default_factory=dict)


def read_quarantine(s3: S3Client, paths: RunPaths, window: Window) -> Quarantine:
    """Return the content of the run's quarantine."""

    def lines() -> Iterator[bytes]:
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=paths.bucket, Prefix=paths.quarantine_prefix):
            for item in page.get("Contents", []):
                if item["Key"].endswith(".json"):
                    yield from s3.get_object(Bucket=paths.bucket, Key=item["Key"])["Body"].iter_lines()

    return quarantine(lines(), window)


def quarantine(lines: Iterable[bytes], window: Window) -> Quarantine:
    """Return the content of a quarantine.

    A record without a readable time belongs to no candle. A record that is off the grid has trades of two candles, so
    it belongs to both: the exchange sent something for each of them. Candles outside the window are left out.

    Args:
        lines: JSON lines with source, candle_interval, symbol, quote_currency and observed_at.
        window: The requested days.
    """
    numbers: dict[tuple[str, str, str], set[int]] = defaultdict(set)
    markets: dict[str, set[str]] = defaultdict(set)
    for line in lines:
        record = json.loads(line)
        market = f"{record['symbol']}/{record['quote_currency']}"
        markets[record["source"]].add(market)
        if record.get("observed_at") is None:
            continue
        length_ms = interval_ms(record["candle_interval"])
        opened_ms = round(dt.datetime.fromisoformat(record["observed_at"]).timestamp() * 1000)
        first, late_ms = divmod(opened_ms, length_ms)
        numbers[record["source"], record["candle_interval"], market].update(
            number
            for number in (first, first + 1 if late_ms else first)
            if window.start_ms <= number * length_ms < window.end_ms
        )
    of_run: dict[tuple[str, str, int, int], list[str]] = defaultdict(list)
    for (source, candle_interval, market), found in sorted(numbers.items()):
        for start, length in _runs(found):
            of_run[source, candle_interval, start, length].append(market)
    return Quarantine(
        tuple(
            QuarantinedCandles(source, candle_interval, _opened(start, candle_interval), length, tuple(listed))
            for (source, candle_interval, start, length), listed in sorted(of_run.items())
        ),
        {source: len(names) for source, names in markets.items()},
    )


def refuse_rejected_ranges(candles: Iterable[QuarantinedCandles], quarantine_uri: str) -> list[RefusedSource]:
    """Return the fewest sources without which the runs fit into the statement for the warehouse, with CP-13.

    Args:
        candles: The runs of all sources.
        quarantine_uri: The location of the quarantine, for the message.
    """
    sizes: dict[str, int] = defaultdict(int)
    places: dict[str, int] = defaultdict(int)
    for run in candles:
        sizes[run.source] += _BYTES_PER_RUN + sum(len(market) + _BYTES_PER_MARKET for market in run.markets)
        places[run.source] += len(run.markets)
    refused = []
    while sum(sizes.values()) > MOST_BYTES:
        source = max(sizes, key=lambda name: (sizes[name], name))
        del sizes[source]
        refused.append(
            RefusedSource(
                source,
                TOO_MANY_REJECTED_RANGES,
                f"candles of {source} were rejected in {places[source]} places, more than the curation report can "
                f"list. No record of {source} is loaded. The rejected records are in {quarantine_uri}",
            )
        )
    return refused


def _runs(numbers: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Yield the first number and the length of each run of consecutive numbers."""
    # Within a run, a candle's number and its position grow together, so their difference is constant.
    for _, run in groupby(enumerate(sorted(numbers)), lambda item: item[1] - item[0]):
        (_, start), *more = run
        yield start, 1 + len(more)


def _opened(number: int, candle_interval: str) -> str:
    return f"{dt.datetime.fromtimestamp(number * interval_ms(candle_interval) / 1000, dt.UTC):%Y-%m-%d %H:%M:%S}"
