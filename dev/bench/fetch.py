"""The pace and the memory of a fetch, from an exchange that costs next to nothing."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from dev.bench.measure import Measure, medians
from dev.bench.options import Options
from local_platform.checkout import REPOSITORY, checkout_environment

_MARKETS = ("BTCUSDT", "ETHUSDT", "BNBUSDT", "SOLUSDT", "XRPUSDT", "ADAUSDT", "DOGEUSDT", "AVAXUSDT")
_PACE = 20
_PACE_GOAL = 1.05
_MEMORY_GOAL = 1.05
"""Two processes differ by less. A fetch that kept a tenth of each response's body would use more."""
WORKER = ("-m", "dev.bench.fetch_worker")
_UNPACED = 1000  # the largest that the settings accept


def measures(options: Options, say: Callable[[str], None]) -> Iterator[Measure]:
    """Measure the pace of several markets, and the memory of a long fetch of one market.

    Args:
        options: The sizes.
        say: Shows what is being done.
    """
    with _exchange() as api_url:
        say(f"  fetch at {_PACE} requests a second")
        paced = [_fetched(api_url, options.fetch_days, _PACE, *_MARKETS) for _ in range(options.rounds)]
        requests = paced[0]["requests"]
        seconds = sorted(run["seconds"] for run in paced)[len(paced) // 2]
        yield Measure(f"fetch {requests} requests at {_PACE} a second", seconds, requests / _PACE, _PACE_GOAL)
        say("  fetch a year of one market")
        peaks = medians(
            options.rounds,
            {
                str(days): lambda days=days: _fetched(api_url, days, _UNPACED, _MARKETS[0])["peak_mb"]  # type: ignore[misc]
                for days in (tenth(options.memory_days), options.memory_days)
            },
        )
        yield memory_of_fetch(options.memory_days, peaks)


def tenth(days: int) -> int:
    """Return a tenth of the days. A fetch of a single day would not have used what later pages use again."""
    return max(1, days // 10)


def memory_of_fetch(days: int, peaks: Mapping[str, float]) -> Measure:
    """Return the row that compares the processes of two fetches.

    They include the interpreter. The difference to a process that fetches nothing is as small as that between two
    processes of the same fetch, so its ratio would be chance.

    Args:
        days: The days of the longer fetch.
        peaks: The peak memory of processes by their days, in megabytes.
    """
    return Measure(
        f"memory of a fetch of {days} days of 1m candles of one market, compared with {tenth(days)} days",
        peaks[str(days)],
        peaks[str(tenth(days))],
        _MEMORY_GOAL,
        "MB",
    )


def _fetched(api_url: str, days: int, pace: float, *markets: str) -> dict[str, Any]:
    command = [sys.executable, *WORKER, api_url, str(days), str(pace), *markets]
    done = subprocess.run(
        command, cwd=REPOSITORY, env=checkout_environment(), stdout=subprocess.PIPE, text=True, check=True
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@contextlib.contextmanager
def _exchange() -> Iterator[str]:
    """Run the exchange in another process, and give its address."""
    command = [sys.executable, "-m", "dev.bench.canned_klines"]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None  # noqa: S101 - for the type checker
            yield process.stdout.readline().strip()
        finally:
            process.terminate()
