"""The Glue job against a floor that reads the same responses and writes the same rows without rules."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from dev.bench.measure import Measure, medians
from dev.bench.options import Options
from dev.bench.raw_candles import Candles, write_raw_objects
from local_platform.checkout import GLUE_SCRIPTS, PLUGINS, REPOSITORY

GOALS = {20_000: 1.5, 200_000: 1.5, 2_000_000: 1.3}
"""The goal of each usual size. Other sizes have the goal of the next smaller one."""

FLAT = 1.2
"""The goal for the cost per record at the larger of two sizes."""

_BODIES = {"C1": 24, "C2": 1000}
"""Candles per response: a day of hourly candles, and Binance's largest page."""

_DAYS = 7
_SMALL_HEAP = "1g"


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
        options: The numbers of records and of rounds.
        say: Reports progress.
    """
    with tempfile.TemporaryDirectory(prefix="crypto-prices-bench-") as folder:
        bench = Bench(Path(folder), say)
        for records in options.records:
            for case, size in _BODIES.items():
                yield _against_the_floor(bench, options.rounds, records, case, size)
        yield _spill(bench, options.records[-1])
        yield from _growth(bench, options.rounds, options.records[0])


def of_records(records: int, records_per_body: int) -> Candles:
    """Return about this many candles: seven days of as many markets as that takes, at one minute."""
    return Candles(max(1, round(records / (_DAYS * 1440))), _DAYS, records_per_body, "1m")


def _against_the_floor(bench: Bench, rounds: int, records: int, case: str, records_per_body: int) -> Measure:
    candles = of_records(records, records_per_body)
    found = medians(rounds, {kind: bench.cpu(kind, candles) for kind in ("curate", "floor")})
    smaller = [size for size in GOALS if size <= records] or [min(GOALS)]
    return Measure(
        f"curate {candles.records:,} records, {case} ({records_per_body} per body)",
        found["curate"],
        found["floor"],
        GOALS[max(smaller)],
        "CPU s",
    )


def _spill(bench: Bench, records: int) -> Measure:
    candles = of_records(records, _BODIES["C2"])
    ours, floor = (bench.run(kind, candles, heap=_SMALL_HEAP)["spilled_mb"] for kind in ("curate", "floor"))
    return Measure(f"spill of {candles.records:,} records in {_SMALL_HEAP} of heap", ours, floor, 1.0, "MB")


def _growth(bench: Bench, rounds: int, records: int) -> Iterator[Measure]:
    """Yield the CPU time per record at a size, compared with that at a tenth of it."""
    small = of_records(records, 1000)
    many_days = Candles(small.records // 2400 or 1, 100, 1000)
    compared = {
        "10 times the objects": (of_records(records, 24), of_records(10 * records, 24)),
        "10 times the markets": (small, of_records(10 * records, 1000)),
        "1,000 days instead of 100": (many_days, Candles(many_days.markets, 1000, 1000)),
    }
    for name, sizes in compared.items():
        yield _per_record(name, rounds, {candles: bench.cpu("curate", candles) for candles in sizes})
    carried = {}
    for candles in (small, of_records(10 * records, 1000)):
        version = bench.run("curate", candles, keep=True)["output"]
        carried[candles] = bench.cpu("carry", candles, published=version)
    yield _per_record("10 times the carried-over markets", rounds, carried)


def _per_record(name: str, rounds: int, runs: dict[Candles, Callable[[], float]]) -> Measure:
    by_size = {str(candles): candles for candles in runs}
    found = medians(rounds, {str(candles): run for candles, run in runs.items()})
    before, after = (1e6 * seconds / by_size[size].records for size, seconds in found.items())
    return Measure(f"curate {name}: CPU time of a million records", after, before, FLAT, "CPU s")
