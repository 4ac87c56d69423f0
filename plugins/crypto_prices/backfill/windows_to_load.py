"""The windows that a backfill loads, and their cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from crypto_prices_contract.window import Window

from crypto_prices.backfill.glue_cost import GlueJob
from crypto_prices.backfill.loaded_days import Load, loaded_days
from crypto_prices.fetch.markets import MarketsByDay


@dataclass(frozen=True)
class RequestSize:
    """The size of a source's responses.

    Attributes:
        rows_per_request: Maximum number of candles in one response.
        bytes_per_record: Approximate size of one candle in a response, in bytes.
    """

    rows_per_request: int
    bytes_per_record: int


@dataclass(frozen=True)
class BackfillPlan:
    """The plan of a backfill.

    Attributes:
        span: All requested days.
        windows: Windows to load, oldest first.
        skipped: Days that are already loaded, with the batches that loaded them.
        requests: Least number of API requests. A response without candles is requested twice.
        records: Number of candles if no market has gaps.
        raw_bytes: Approximate size of the responses before compression, in bytes.
        glue: The Glue job's resources and earlier runs.
    """

    span: Window
    windows: Sequence[Window]
    skipped: Mapping[date, str]
    requests: int
    records: int
    raw_bytes: int
    glue: GlueJob

    @property
    def days(self) -> int:
        """Number of days to load."""
        return sum((window.end - window.start).days for window in self.windows)

    @property
    def windows_by_days(self) -> Mapping[int, int]:
        """Number of windows by length in days, longest first."""
        counted = Counter((window.end - window.start).days for window in self.windows)
        return dict(sorted(counted.items(), reverse=True))

    @property
    def dpu_minutes(self) -> float:
        """DPU-minutes of all Glue runs."""
        return self.glue.dpus * sum(
            count * self.glue.estimate(days).billed_minutes for days, count in self.windows_by_days.items()
        )


def split_into_windows(days: Iterable[date], chunk_days: int, cuts: Collection[date] = ()) -> list[Window]:
    """Return the fewest windows of at most ``chunk_days`` that cover exactly these days.

    Args:
        days: The days.
        chunk_days: Longest window, in days.
        cuts: Days that begin a window. No window contains such a day and the day before it.
    """
    windows: list[Window] = []
    for day in sorted(set(days)):
        last = windows[-1] if windows else None
        continues = last is not None and last.end == day and day not in cuts
        if last is not None and continues and (last.end - last.start).days < chunk_days:
            windows[-1] = Window(last.start, day + timedelta(days=1))
        else:
            windows.append(Window.of_day(day))
    return windows


def windows_to_load(
    span: Window,
    *,
    chunk_days: int,
    reload: bool,
    markets: MarketsByDay,
    loads: Iterable[Load],
    interval: timedelta,
    request_sizes: Mapping[str, RequestSize],
    glue: GlueJob,
) -> BackfillPlan:
    """Return the plan of a backfill.

    Args:
        span: All requested days.
        chunk_days: Longest window, in days.
        reload: Load even what the warehouse already holds.
        markets: The markets. A window ends where the name of one changes.
        loads: Loads that touch the span.
        interval: Length of a candle.
        request_sizes: Size of responses by source.
        glue: The Glue job's resources and earlier runs.
    """
    skipped = {} if reload else loaded_days(span, markets, loads)
    wanted = (day for day in span.days() if day not in skipped and any(markets.on(day).values()))
    windows = split_into_windows(wanted, chunk_days, markets.changes)
    requests = records = raw_bytes = 0
    for window in windows:
        candles = (window.ends_at - window.starts_at) // interval
        for source, listed in markets.on(window.start).items():
            size = request_sizes[source]
            requests += len(listed) * -(-candles // size.rows_per_request)
            records += len(listed) * candles
            raw_bytes += len(listed) * candles * size.bytes_per_record
    return BackfillPlan(span, windows, skipped, requests, records, raw_bytes, glue)
