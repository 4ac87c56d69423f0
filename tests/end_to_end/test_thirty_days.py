"""Load thirty recorded days: in one window, and by Airflow's backfill while crypto_prices_backfill loads many of them.

This takes many minutes, so it runs only with LONG_TESTS: LONG_TESTS=1 MARKET_DATA=<folder> make test
"""

import os
import threading
import time
from datetime import date, timedelta
from pathlib import Path

import pytest

from dev.chaos import checks
from dev.chaos.bench import DAG_ID, Bench, logical_date
from tests.support.bench_runs import Since, assert_green
from tests.support.demo_runs import assert_equal_to_recorded, recorded_rows
from tests.support.long_tests import takes_long

pytestmark = [pytest.mark.timeout(7200), takes_long]

BACKFILL, WINDOW = "crypto_prices_backfill", "crypto_prices_window"
FIRST, DAYS = date(2023, 11, 15), 30
LAST = FIRST + timedelta(days=DAYS - 1)
FACT = """
    SELECT symbol || quote_currency AS market, observed_at, open_price, high_price, low_price, close_price, base_volume
    FROM crypto.fact_crypto_prices
"""


@pytest.fixture(scope="module")
def market_data():
    folder = os.environ.get("MARKET_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("MARKET_DATA is not a folder of recorded candles")
    return Path(folder).resolve()


@pytest.fixture(scope="module")
def recorded(starts_airflow, starts_local_aws, starts_spark, market_data, tmp_path_factory):
    symbols = sorted(path.name.removesuffix(".csv.gz") for path in market_data.glob("*.csv.gz"))
    state = tmp_path_factory.mktemp("thirty") / "state"
    with Bench(state, market_data=market_data, symbols=symbols) as bench:
        for dag_id in (WINDOW, BACKFILL):
            bench.api.unpause(dag_id)
        yield bench


class PeakMemory:
    """The peak memory (PSS, bytes) of this process and its descendants together, sampled every few seconds."""

    def __enter__(self):
        self.peak = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._ended.set()
        self._thread.join()

    def _watch(self):
        while not self._ended.wait(3):
            self.peak = max(self.peak, sum(map(_pss, _descendants(os.getpid()))))


def _pss(pid):
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)


def _descendants(pid):
    found = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = task.read_text().split()
        except OSError:
            continue
        for child in children:
            found += _descendants(int(child))
    return found


def wait_for_days(bench, seconds=5400):
    deadline = time.monotonic() + seconds
    while True:
        runs = bench.api.dag_runs(DAG_ID, first=logical_date(FIRST), last=logical_date(LAST))
        if len(runs) == DAYS and all(run["state"] in ("success", "failed") for run in runs):
            return runs
        assert time.monotonic() < deadline, [(run["logical_date"], run["state"]) for run in runs]
        bench.keep_alive()
        time.sleep(2)


def assert_equal_to_the_files(bench, market_data, days):
    recorded = {}
    for day in days:
        recorded |= recorded_rows(market_data, day)
    assert_equal_to_recorded(bench.warehouse.rows(FACT), recorded)


def test_one_window_loads_a_month(recorded, market_data, capsys):
    """A month in one window of crypto_prices_backfill: its duration and memory, and rows that equal the files."""
    since, began = Since(recorded), time.monotonic()
    with PeakMemory() as memory:
        conf = {"start": FIRST.isoformat(), "end": (LAST + timedelta(days=1)).isoformat()}
        recorded.api.trigger(BACKFILL, run_id="month", conf=conf)
        assert_green(recorded, BACKFILL, "month")
    _print_measurements(capsys, "crypto_prices_backfill, 30 days", began, since, memory)
    assert_equal_to_the_files(recorded, market_data, [FIRST + timedelta(days=n) for n in range(DAYS)])


def test_thirty_daily_runs_overlap_with_a_window_backfill(recorded, market_data, capsys):
    # The previous test has loaded the same days, and the rows at the end must come from this test.
    recorded.warehouse.rows("DELETE FROM crypto.fact_crypto_prices")
    since, began = Since(recorded), time.monotonic()
    with PeakMemory() as memory:
        recorded.api.create_backfill(
            DAG_ID, logical_date(FIRST), logical_date(LAST), max_active_runs=4, run_conf={"reload": True}
        )
        conf = {
            "start": (FIRST + timedelta(days=5)).isoformat(),
            "end": (FIRST + timedelta(days=25)).isoformat(),
            "chunk_days": 7,
            "reload": True,
        }
        recorded.api.trigger(BACKFILL, run_id="overlapping", conf=conf)
        runs = wait_for_days(recorded)
        assert_green(recorded, BACKFILL, "overlapping")
    _print_measurements(capsys, "backfill create, 30 days, 20 of them also in windows", began, since, memory)
    assert [run["logical_date"] for run in runs if run["state"] != "success"] == []
    assert_equal_to_the_files(recorded, market_data, [FIRST + timedelta(days=n) for n in range(DAYS)])
    assert checks.left_over_staging(recorded) == {}


def _print_measurements(capsys, what, began, since, memory):
    seconds, glue_runs = time.monotonic() - began, since.operations({"StartJobRun"})["StartJobRun"]
    with capsys.disabled():
        print(f"\n{what}: {seconds:.0f} s, {glue_runs} Glue runs, peak memory {memory.peak / 2**30:.1f} GiB")
