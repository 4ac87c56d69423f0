"""The window's quarantined candles. The report lists them, so that the warehouse can explain why they are missing."""

from __future__ import annotations

import datetime as dt
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from crypto_prices_contract.candle_ranges import Span, fitting, joined
from crypto_prices_contract.curation_report import QuarantinedCandles

from crypto_prices_etl.candle_intervals import interval_ms
from crypto_prices_etl.committer_files import written_objects

if TYPE_CHECKING:
    from crypto_prices_contract.window import Window
    from mypy_boto3_s3 import S3Client

    from crypto_prices_etl.lake_files import RunPaths

MOST_BYTES = 40_000
"""Maximum size of all sources' runs in the statement for the warehouse."""


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
        for item in written_objects(s3, paths.bucket, paths.quarantine_prefix):
            if item["Key"].endswith(".json"):
                yield from s3.get_object(Bucket=paths.bucket, Key=item["Key"])["Body"].iter_lines()

    return quarantine(lines(), window)


def quarantine(lines: Iterable[bytes], window: Window) -> Quarantine:
    """Return the content of a quarantine.

    If the candles do not fit into a statement for the warehouse, their runs become wider (``candle_ranges.fitting``).

    A record without a readable time belongs to no candle. A record that is off the grid has trades of two candles, so
    it belongs to both: the exchange sent something for each of them. Candles outside the window are left out.

    Args:
        lines: JSON lines with source, candle_interval, symbol, quote_currency and observed_at.
        window: The requested days.
    """
    numbers: dict[tuple[str, str], dict[str, set[int]]] = defaultdict(lambda: defaultdict(set))
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
        numbers[record["source"], record["candle_interval"]][market].update(
            number
            for number in (first, first + 1 if late_ms else first)
            if window.start_ms <= number * length_ms < window.end_ms
        )
    candles = [
        QuarantinedCandles(source, candle_interval, _opened(start, candle_interval), end - start, tuple(listed))
        for (source, candle_interval), of_market in sorted(numbers.items())
        for (start, end), listed in _runs(of_market, candle_interval, window, MOST_BYTES // len(numbers)).items()
    ]
    return Quarantine(tuple(candles), {source: len(names) for source, names in markets.items()})


def _runs(
    of_market: Mapping[str, Iterable[int]], candle_interval: str, window: Window, most_bytes: int
) -> dict[Span, list[str]]:
    """Return the markets of each run of consecutive candles."""
    runs: dict[Span, list[str]] = defaultdict(list)
    for market, numbers in of_market.items():
        for run in joined((number, number + 1) for number in numbers):
            runs[run].append(market)
    length_ms = interval_ms(candle_interval)
    return fitting(runs, (window.start_ms // length_ms, window.end_ms // length_ms), most_bytes)


def _opened(number: int, candle_interval: str) -> str:
    return f"{dt.datetime.fromtimestamp(number * interval_ms(candle_interval) / 1000, dt.UTC):%Y-%m-%d %H:%M:%S}"
