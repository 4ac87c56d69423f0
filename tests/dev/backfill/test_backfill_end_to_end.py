"""``make backfill``, end to end: start every process, load two days, leave no process running."""

import csv
import gzip
import re
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support.programs import processes_with

REPOSITORY = Path(__file__).parents[3]

pytestmark = [pytest.mark.usefixtures("starts_airflow", "starts_local_aws", "starts_spark"), pytest.mark.timeout(1800)]


def write_recording(folder: Path) -> None:
    """Write two days of hourly candles of one market, without the last hour of the second day."""
    folder.mkdir()
    with gzip.open(folder / "BTCUSDT.csv.gz", "wt", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["open_time_ms", "open", "high", "low", "close", "volume"])
        for hour in range(47):
            opened = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(hours=hour)
            writer.writerow([int(opened.timestamp() * 1000), "42000.1", "42000.3", "42000.0", "42000.2", "1.5"])


def test_two_days_are_loaded_and_no_process_keeps_running(tmp_path):
    state_dir = tmp_path / "state"
    write_recording(tmp_path / "recording")
    command = [sys.executable, "-m", "dev", "backfill", "--state-dir", str(state_dir), "--from", "2024-01-01"]
    command += ["--to", "2024-01-02", "--market-data", str(tmp_path / "recording")]
    began = time.monotonic()
    process = subprocess.Popen(
        command, cwd=REPOSITORY, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    most = 0
    output = ""
    for line in process.stdout:
        output += line
        if "running" in line:
            most = max(most, len(processes_with(str(state_dir))))
    assert process.wait(120) == 0, output
    print(f"\n{output}\nthe backfill took {time.monotonic() - began:.1f} s")
    assert most > 10  # the search finds the processes of a running backfill
    assert processes_with(str(state_dir)) == []
    rows = {match[1]: int(match[2]) for match in re.finditer(r"│ (\S+) │ success │ .*? │ +(\d+) │", output)}
    assert rows == {"2024-01-01": 24, "2024-01-02": 23}
    assert "2 of 2 days are loaded, 2 by this backfill" in output
    assert "The marts have all loads." in output
