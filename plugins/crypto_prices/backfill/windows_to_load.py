"""The windows that a backfill loads, and what they cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from crypto_prices_contract.window import Window

from crypto_prices.backfill.glue_cost import GlueJob
from crypto_prices.backfill.loaded_days import Load, loaded_days


@dataclass(frozen=True)
class RequestSize:
    """How a source gives candles.

    Attributes:
        rows_per_request: Most candles in one answer.
        bytes_per_record: Length of one candle in an answer, roughly.
    """

    rows_per_request: int
    bytes_per_record: int


@dataclass(frozen=True)
class BackfillPlan:
    """What a backfill will do.

    Attributes:
        span: All days that were asked for.
        windows: Windows to load, oldest first.
        skipped: Days that are not loaded again, with the loads that have them.
        requests: Number of API requests.
        records: Number of candles, if no market has gaps.
        raw_bytes: Bytes of the answers before compression, roughly.
        glue: What the Glue job's runs take.
    """

    span: Window
    windows: Sequence[Window]
    skipped: Mapping[date, str]
    requests: int
    records: int
    raw_bytes: int
    glue: GlueJob

    @property
    def windows_by_days(self) -> Mapping[int, int]:
        """How many windows there are of each length in days, the longest first."""
        counted = Counter((window.end - window.start).days for window in self.windows)
        return dict(sorted(counted.items(), reverse=True))

    @property
    def dpu_minutes(self) -> float:
        """DPU-minutes of all Glue runs."""
        return self.glue.dpus * sum(
            count * self.glue.estimate(days).billed_minutes for days, count in self.windows_by_days.items()
        )


def split_into_windows(days: Iterable[date], chunk_days: int) -> list[Window]:
    """Return the fewest windows of at most ``chunk_days`` that cover exactly these days."""
    windows: list[Window] = []
    for day in sorted(set(days)):
        last = windows[-1] if windows else None
        if last is not None and last.end == day and (last.end - last.start).days < chunk_days:
            windows[-1] = Window(last.start, day + timedelta(days=1))
        else:
            windows.append(Window.of_day(day))
    return windows


def plan_backfill(
    span: Window,
    *,
    chunk_days: int,
    reload: bool,
    markets: Mapping[str, Sequence[str]],
    loads: Iterable[Load],
    interval: timedelta,
    request_sizes: Mapping[str, RequestSize],
    glue: GlueJob,
) -> BackfillPlan:
    """Return what a backfill of a span will do.

    Args:
        span: All days that are asked for.
        chunk_days: Longest window in days.
        reload: Load even what the warehouse already holds.
        markets: Canonical markets by source.
        loads: Loads that touch the span.
        interval: Length of a candle.
        request_sizes: How each source gives candles.
        glue: What the Glue job's runs take.
    """
    skipped = {} if reload else loaded_days(span, markets, loads)
    windows = split_into_windows((day for day in span.days() if day not in skipped), chunk_days)
    requests = records = raw_bytes = 0
    for window in windows:
        candles = (window.ends_at - window.starts_at) // interval
        for source, listed in markets.items():
            size = request_sizes[source]
            requests += len(listed) * -(-candles // size.rows_per_request)
            records += len(listed) * candles
            raw_bytes += len(listed) * candles * size.bytes_per_record
    return BackfillPlan(span, windows, skipped, requests, records, raw_bytes, glue)
