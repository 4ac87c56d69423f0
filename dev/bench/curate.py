"""The Glue job against a floor that reads the same responses and writes the same rows without rules."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from dev.bench.measure import Measure, medians
from dev.bench.options import Options
from dev.bench.raw_candles import Candles, write_raw_objects
from local_platform.checkout import GLUE_SCRIPTS, PLUGINS, REPOSITORY

LARGE = 1_000_000
"""From this number of records, a run takes a minute or more. Pairs with the floor run ``large_rounds`` times, and the
other runs once."""

BODIES = {"C1": 24, "C2": 1000}
"""Candles per response: a day of hourly candles, and Binance's largest page."""

_GOAL, _GOAL_OF_LARGE = 1.5, 1.3
_FLAT = 1.2
_NO_MORE = 1.0
_DAYS = 7
NOTHING = Candles(markets=1, days=1, records_per_body=24)
"""The least that a run can do, so what remains is the start of Spark."""


@dataclass
class Bench:
    """Runs Spark on generated responses, in a folder that is deleted afterwards.

    Attributes:
        folder: The folder.
        say: Reports progress.
    """

    folder: Path
    say: Callable[[str], None]
    _runs: int = field(default=0, init=False)

    def raw(self, candles: Candles) -> Path:
        """Return the folder with these responses."""
        name = "-".join(str(value) for value in asdict(candles).values())
        folder = self.folder / name
        if not folder.exists():
            self.say(f"curate: generating {candles.records:,} records")
            write_raw_objects(candles, folder)
        return folder

    def run(
        self, kind: str, candles: Candles, *, heap: str = "4g", published: str = "", keep: bool = False
    ) -> dict[str, Any]:
        """Run a program of ``spark_run`` in a process of its own, and return what it took.

        Args:
            kind: The program.
            candles: Its input.
            heap: The JVM's heap.
            published: The output of a run, to carry over.
            keep: Whether to keep the output, whose folder is in the result.
        """
        self._runs += 1
        output = self.folder / f"run-{self._runs}"
        order = {"kind": kind, "raw": str(self.raw(candles)), "output": str(output), "heap": heap}
        ended = subprocess.run(
            [sys.executable, "-m", "dev.bench.spark_run", json.dumps(order | {"published": published})],
            env=os.environ | {"PYTHONPATH": os.pathsep.join(map(str, (REPOSITORY, PLUGINS, GLUE_SCRIPTS)))},
            capture_output=True,
            text=True,
        )
        if ended.returncode:
            raise RuntimeError(f"the run {kind} of {candles} failed: {ended.stderr[-2000:]}")
        spent: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
        if spent["rows"] != candles.records:
            raise RuntimeError(f"the run {kind} of {candles} wrote {spent['rows']} rows")
        self.say(f"curate: {kind} of {candles.records:,} records took {spent['cpu_seconds']:.1f} CPU s")
        if not keep:
            shutil.rmtree(output)
        return spent | {"output": str(output)}

    def cpu(self, kind: str, candles: Candles, published: str = "") -> Callable[[], float]:
        """Return the function that runs a program and returns its CPU time."""
        return lambda: float(self.run(kind, candles, published=published)["cpu_seconds"])


def measures(options: Options, say: Callable[[str], None]) -> Iterator[Measure]:
    """Yield the rows of the table.

    Args:
        options: The numbers of records and of rounds, and the small heap.
        say: Reports progress.
    """
    with tempfile.TemporaryDirectory(prefix="crypto-prices-bench-") as folder:
        bench = Bench(Path(folder), say)
        found: dict[Candles, float] = {}
        for records in options.records:
            for case in BODIES:
                rounds = options.large_rounds if records >= LARGE else options.rounds
                measure = _against_the_floor(bench, rounds, records, case)
                found[week(records, BODIES[case])] = measure.ours
                yield measure
        if len(options.records) > 1:
            yield from _growth(bench, options.rounds, options.records[0], options.records[-1], found)
        yield _spill(bench, options.records[-1], options.small_heap)


def week(records: int, records_per_body: int) -> Candles:
    """Return about this many candles: seven days of as many markets as that takes, at one minute."""
    return Candles(max(1, round(records / (_DAYS * 1440))), _DAYS, records_per_body, "1m")


def growing(records: int, most: int) -> dict[str, tuple[Candles, Candles]]:
    """Return about these two numbers of candles, by what there is more of.

    There are at most 1,000 days, so most candles of that many days have more markets, too.
    """
    markets, most_markets = (max(1, round(number / (_DAYS * 24))) for number in (records, most))
    per_day, most_per_day = max(1, round(records / (100 * 24))), max(1, round(most / (1000 * 24)))
    return {
        "objects": (week(records, BODIES["C1"]), week(most, BODIES["C1"])),
        "markets": (Candles(markets, _DAYS, BODIES["C2"]), Candles(most_markets, _DAYS, BODIES["C2"])),
        "days": (Candles(per_day, 100, BODIES["C2"]), Candles(most_per_day, 1000, BODIES["C2"])),
    }


def _against_the_floor(bench: Bench, rounds: int, records: int, case: str) -> Measure:
    candles = week(records, BODIES[case])
    found = medians(rounds, {kind: bench.cpu(kind, candles) for kind in ("curate", "floor")})
    return Measure(
        f"curate {candles.records:,} records, {case} ({candles.bodies:,} bodies)",
        found["curate"],
        found["floor"],
        _GOAL_OF_LARGE if records >= LARGE else _GOAL,
        "CPU s",
    )


def _growth(bench: Bench, rounds: int, records: int, most: int, measured: Mapping[Candles, float]) -> Iterator[Measure]:
    """Yield the CPU time per record of the largest size, compared with that of the smallest.

    Args:
        bench: Runs Spark.
        rounds: How often each size runs.
        records: The smallest number of records.
        most: The largest one.
        measured: The CPU times that are known already.
    """
    compared = growing(records, most)
    sizes = [NOTHING, *(candles for pair in compared.values() for candles in pair if candles not in measured)]
    found = {**measured, **_cpu_of_sizes(bench, rounds, "curate", dict.fromkeys(sizes, ""))}
    for name, (small, large) in compared.items():
        yield per_record(f"curate {_more(name, small, large)}", found, small, large)
    small, large = compared["markets"]
    versions = {c: str(bench.run("curate", c, keep=True)["output"]) for c in (NOTHING, small, large)}
    found = _cpu_of_sizes(bench, rounds, "carry", versions)
    yield per_record(f"carry over {_more('markets', small, large)}", found, small, large)


def _more(name: str, small: Candles, large: Candles) -> str:
    before, after = ({"objects": c.bodies, "markets": c.markets, "days": c.days}[name] for c in (small, large))
    return f"{large.records:,} records of {after:,} {name}, compared with {small.records:,} of {before:,}"


def _cpu_of_sizes(bench: Bench, rounds: int, kind: str, versions: dict[Candles, str]) -> dict[Candles, float]:
    """Return the CPU time of a program by its input, each with the version to carry over or ""."""
    found: dict[str, float] = {}
    for is_large in (False, True):
        sizes = {c: version for c, version in versions.items() if (c.records >= LARGE) == is_large}
        found |= medians(
            1 if is_large else rounds, {str(c): bench.cpu(kind, c, version) for c, version in sizes.items()}
        )
    return {candles: found[str(candles)] for candles in versions}


def per_record(name: str, found: Mapping[Candles, float], small: Candles, large: Candles) -> Measure:
    """Return the row that compares two sizes by their CPU time per record.

    The start of Spark does not count. It is most of a small run's time, and would make the larger size look cheaper.
    """
    before, after = (max(0.0, 1e6 * (found[size] - found[NOTHING]) / size.records) for size in (small, large))
    return Measure(f"{name}, per million records", after, before, _FLAT, "CPU s")


def _spill(bench: Bench, records: int, heap: str) -> Measure:
    candles = week(records, BODIES["C2"])
    ours, floor = (bench.run(kind, candles, heap=heap)["spilled_mb"] for kind in ("curate", "floor"))
    return Measure(f"spill of {candles.records:,} records with {heap} of heap", ours, floor, _NO_MORE, "MB")
