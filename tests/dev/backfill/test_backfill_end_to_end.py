"""``make backfill`` from beginning to end: start every process, load two days, leave no process running."""

import csv
import gzip
import os
import re
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest

REPOSITORY = Path(__file__).parents[3]

pytestmark = [pytest.mark.slow, pytest.mark.spark, pytest.mark.timeout(600)]


def write_recording(folder: Path) -> None:
    """Write two days of hourly candles of one market, without the last hour of the second day."""
    folder.mkdir()
    with gzip.open(folder / "BTCUSDT.csv.gz", "wt", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["open_time_ms", "open", "high", "low", "close", "volume"])
        for hour in range(47):
            opened = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(hours=hour)
            writer.writerow([int(opened.timestamp() * 1000), "42000.1", "42000.3", "42000.0", "42000.2", "1.5"])


def processes_of(state_dir: Path) -> list[str]:
    """Return the processes that use a state folder, found by command line, working directory or error log."""
    found = []
    for process in psutil.process_iter():
        try:
            line = " ".join(process.cmdline())
            if str(state_dir) in line or str(state_dir) in process.cwd() or str(state_dir) in open_log(process):
                found.append(f"{process.pid} {line}")
        except (psutil.Error, OSError):
            continue
    return [text for text in found if not text.startswith(f"{os.getpid()} ")]


def open_log(process: psutil.Process) -> str:
    """Return the file that standard error goes to, because Airflow's workers overwrite their command lines."""
    return os.readlink(f"/proc/{process.pid}/fd/2")


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
            most = max(most, len(processes_of(state_dir)))
    assert process.wait(30) == 0, output
    print(f"\n{output}\nthe backfill took {time.monotonic() - began:.1f} s")
    assert most > 10  # processes_of finds the processes of a running backfill
    assert processes_of(state_dir) == []
    rows = {match[1]: int(match[2]) for match in re.finditer(r"│ (\S+) │ success │ .*? │ +(\d+) │", output)}
    assert rows == {"2024-01-01": 24, "2024-01-02": 23}
    assert "2 of 2 days are loaded" in output
