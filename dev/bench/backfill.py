"""Many days of 20 markets by crypto_prices_backfill, compared with loading them day by day."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from statistics import mean

from dev.bench.loading_platform import LoadingPlatform, PeakMemory, loading_platform
from dev.bench.measure import Measure
from dev.bench.options import Options

_FIRST_DAY = date(2022, 1, 1)
_GOAL = 1 / 20
_CHUNK_DAYS = 366
"""One window for a year, the longest that the DAG's form accepts."""


def measures(options: Options, say: Callable[[str], None]) -> Iterator[Measure]:
    """Measure one backfill, and single days before it. The backfill is too long to be repeated.

    Args:
        options: The numbers of days.
        say: Shows what is being done.
    """
    days = options.backfill_days
    with tempfile.TemporaryDirectory(prefix="crypto-prices-bench-") as folder:
        say("  starting the local platform, and loading a first day, which is not measured")
        with loading_platform(Path(folder)) as platform:
            single_days = (_FIRST_DAY - timedelta(days=number) for number in range(1, options.single_days + 2))
            platform.load_day(next(single_days))
            say(f"  {options.single_days} days one by one")
            day_seconds = mean(platform.load_day(day) for day in single_days)
            say(f"  a backfill of {days} days")
            before = platform.responses()
            with PeakMemory() as memory:
                seconds = _backfilled(platform, days)
            requests = platform.responses() - before
    name = f"{days} days x 20 markets by crypto_prices_backfill"
    yield Measure(f"{name}, day by day extrapolated from {options.single_days}", seconds, days * day_seconds, _GOAL)
    yield Measure(f"{name}: memory of all processes", memory.megabytes, unit="MB")
    yield Measure(f"{name}: requests", requests, unit="requests")


def _backfilled(platform: LoadingPlatform, days: int) -> float:
    end = _FIRST_DAY + timedelta(days=days)
    conf = {"start": _FIRST_DAY.isoformat(), "end": end.isoformat(), "chunk_days": _CHUNK_DAYS}
    return platform.run("crypto_prices_backfill", conf=conf)
