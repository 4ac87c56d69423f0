"""One day of 20 markets at one minute, end to end, compared with the same day at one hour."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path

from dev.bench.loading_platform import loading_platform
from dev.bench.measure import Measure, medians
from dev.bench.options import Options

_FIRST_DAY = date(2023, 12, 1)


def measures(options: Options, say: Callable[[str], None]) -> Iterator[Measure]:
    """Measure runs of crypto_prices_daily for new days, at both intervals.

    Args:
        options: The number of rounds.
        say: Shows what is being done.
    """
    days = (_FIRST_DAY + timedelta(days=number) for number in range(2 * options.rounds + 1))
    with tempfile.TemporaryDirectory(prefix="crypto-prices-bench-") as folder:
        say("  starting the local platform, and loading a first day, which is not measured")
        with loading_platform(Path(folder)) as platform:

            def load(candle_interval: str) -> float:
                platform.use_interval(candle_interval)
                say(f"  a day at {candle_interval}")
                return platform.load_day(next(days))

            load("1h")
            found = medians(options.rounds, {"1m": lambda: load("1m"), "1h": lambda: load("1h")})
    name = "one day of 20 markets at 1m (28,800 rows), end to end, compared with 1h"
    yield Measure(name, found["1m"], found["1h"])
