"""A warm `make demo`, compared with its parts that cannot be avoided, each alone."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from crypto_prices.task_statements import CHECK_STAGING, DROP_STAGING, MERGE_INTO_FACT, RECORD_LOAD, REFRESH_MARTS

from dev.bench.day_load import DayLoad
from dev.bench.filled_warehouse import FilledWarehouse, data_api
from dev.bench.measure import Measure, medians
from dev.bench.options import Options
from dev.bench.parse import import_seconds
from local_aws.glue.spark_jvm import SparkJvms
from local_aws.glue.spark_runtime import RunFiles, SparkRuntime
from local_aws.redshift.warehouse import Warehouse
from local_platform.checkout import REPOSITORY, checkout_environment

_FIRST_DAY = date(2023, 12, 1)
_MARKETS = tuple(f"COIN{number}/USDT" for number in range(5))
"""As many as a demo has."""

_FILLED_DAYS = 30
_NEW_GOAL, _LOADED_GOAL = 1.7, 1.3
_PLAN = "plan/find_current_loads.sql"
_RECONCILE = "reconcile/find_loads_of_window.sql"
_RUN_SECONDS = 300

_SCRIPT = """
import sys

from pyspark.sql import SparkSession

spark = SparkSession.builder.getOrCreate()
spark.range(24).coalesce(1).write.parquet(f"{sys.argv[1]}/out")
spark.stop()
"""


def measures(options: Options, say: Callable[[str], None]) -> Iterator[Measure]:
    """Measure demos of new days and of a loaded day, after a first one that warms up.

    Args:
        options: The number of rounds.
        say: Shows what is being done.
    """
    with (
        tempfile.TemporaryDirectory(prefix="crypto-prices-bench-") as name,
        Warehouse(Path(name) / "warehouse") as warehouse,
        data_api(warehouse) as api,
    ):
        folder = Path(name)
        last_day = _FIRST_DAY - timedelta(days=1)
        filled = FilledWarehouse(warehouse, api, "filled", markets=_MARKETS, last_day=last_day, days=_FILLED_DAYS)
        demos = _Demos(folder / "state")
        statements = _Statements(filled, last_day)
        say("  a first demo, which is not measured")
        demos.load_new_day()
        for part, load, floor, goal in (
            (
                "new",
                demos.load_new_day,
                lambda: import_seconds(folder / "home") + _spark_seconds() + statements.load_new_day(),
                _NEW_GOAL,
            ),
            (
                "loaded",
                demos.load_again,
                lambda: import_seconds(folder / "home") + statements.plan(),
                _LOADED_GOAL,
            ),
        ):
            say(f"  warm demos of a {part} day")
            found = medians(options.rounds, {"ours": load, "floor": floor})
            yield Measure(f"warm demo of a {part} day", found["ours"], found["floor"], goal)


class _Demos:
    """Demos on one state folder.

    Args:
        state: The folder.
    """

    def __init__(self, state: Path) -> None:
        self._state = state
        self._next_day = _FIRST_DAY

    def load_new_day(self) -> float:
        self._next_day += timedelta(days=1)
        return self.load_again()

    def load_again(self) -> float:
        arguments = ["--date", self._next_day.isoformat(), "--state-dir", str(self._state)]
        began = time.perf_counter()
        ended = subprocess.run(
            [sys.executable, "-m", "dev", "demo", *arguments],
            cwd=REPOSITORY,
            env=checkout_environment(),
            capture_output=True,
            text=True,
        )
        seconds = time.perf_counter() - began
        if ended.returncode:
            raise RuntimeError(f"the demo of {self._next_day} failed: {ended.stdout[-2000:]}{ended.stderr[-2000:]}")
        return seconds


class _Statements:
    """The statements of a demo's run, without anything else. The fill of the staging table stands in for the COPY.

    Args:
        warehouse: A warehouse with loads of the demo's number of markets.
        last_day: Its last day.
    """

    def __init__(self, warehouse: FilledWarehouse, last_day: date) -> None:
        self._warehouse = warehouse
        self._day = last_day
        self._load_number = warehouse.newest_load

    def load_new_day(self) -> float:
        self._day += timedelta(days=1)
        self._load_number += 1
        run_id = f"manual__{self._day}"
        load = DayLoad(self._day, _MARKETS, run_id, datetime.now(UTC), load_number=self._load_number)
        began = time.perf_counter()
        self._run(load, _PLAN)
        self._warehouse.stage(load)
        for files in ((CHECK_STAGING,), MERGE_INTO_FACT, RECORD_LOAD, (DROP_STAGING,), (_RECONCILE,), REFRESH_MARTS):
            self._run(load, *files)
        return time.perf_counter() - began

    def plan(self) -> float:
        return self._run(DayLoad(self._day, _MARKETS, "manual__plan", datetime.now(UTC)), _PLAN)

    def _run(self, load: DayLoad, *files: str) -> float:
        return self._warehouse.seconds(*load.sql(files))


def _spark_seconds() -> float:
    """Return the time of a trivial run in a new JVM, which has the same settings as that of a Glue run."""
    with tempfile.TemporaryDirectory(prefix="crypto-prices-bench-") as name:
        folder = Path(name)
        script = folder / "script.py"
        script.write_text(_SCRIPT, encoding="utf-8")
        files = RunFiles("jr_bench", folder, script, [], folder / "output", folder / "errors")
        jvms = SparkJvms()
        runtime = SparkRuntime(jvms)
        began = time.perf_counter()
        run = runtime.start(files, arguments=[name], spark_settings={}, environment={})
        run.wait(_RUN_SECONDS)
        seconds = time.perf_counter() - began
        run.end()
        jvms.finish_archive()
        runtime.close()
        problem = run.error()
    if problem is not None:
        raise RuntimeError(f"the trivial Spark run failed: {problem}")
    return seconds
