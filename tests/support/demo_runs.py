"""The command of ``make demo`` on a state folder, and small recordings of candles for it."""

from __future__ import annotations

import csv
import gzip
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from local_aws.redshift.warehouse import Warehouse
from tests.support.data_api import statements_client
from tests.support.programs import processes_with

REPOSITORY = Path(__file__).parents[2]
PERSONAL_SETTINGS = {
    "http_proxy": "http://127.0.0.1:9",
    "HTTPS_PROXY": "http://127.0.0.1:9",
    "AWS_PROFILE": "nobody",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "AWS_REGION": "eu-west-1",
    "AIRFLOW__CORE__DAGS_FOLDER": "/nowhere",
    "JAVA_TOOL_OPTIONS": "-Dof.this.person=1",
    "PGOPTIONS": "-c no_such_setting=1",
    "LC_ALL": "C",
}
"""Variables of a person's shell. None of them may reach the local programs. Port 9 of this machine refuses."""

FIRST_DAY = date(2023, 12, 17)
DAYS = 3


def write_broken_recording(folder: Path) -> None:
    """Write a day of a market whose prices are not numbers, so that the Glue run rejects its rows."""
    folder.mkdir()
    with gzip.open(folder / "BADUSDT.csv.gz", "wt", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["open_time_ms", "open", "high", "low", "close", "volume"])
        midnight = datetime(2023, 12, 19, tzinfo=UTC)
        for hour in range(24):
            opened = int((midnight + timedelta(hours=hour)).timestamp() * 1000)
            writer.writerow([opened, "x", "x", "x", "x", "1"])


def write_recording(folder: Path) -> None:
    """Write three days of hourly candles of three markets. The last market starts on the second day."""
    folder.mkdir()
    for symbol, price, first_hour in (
        ("BTCUSDT", "41364.77", 0),
        ("PEPEUSDT", "0.00000141", 0),
        ("JTOUSDT", "2.5", 24),
    ):
        with gzip.open(folder / f"{symbol}.csv.gz", "wt", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["open_time_ms", "open", "high", "low", "close", "volume"])
            for hour in range(first_hour, DAYS * 24):
                opened = datetime(FIRST_DAY.year, FIRST_DAY.month, FIRST_DAY.day, tzinfo=UTC) + timedelta(hours=hour)
                step = Decimal(price).as_tuple().exponent
                low = Decimal(price) + hour * Decimal(1).scaleb(step)
                candle = [low + Decimal(n).scaleb(step) for n in (1, 3, 0, 2)]
                writer.writerow([int(opened.timestamp() * 1000), *(f"{value:f}" for value in candle), f"{hour + 1}.50"])


def recorded_rows(folder: Path, day: date) -> dict[tuple[str, str], tuple[str, ...]]:
    """Return a day's rows of the files: (market, open time) to (open, high, low, close, volume) as text."""
    rows = {}
    for path in folder.glob("*.csv.gz"):
        with gzip.open(path, "rt", newline="") as file:
            for row in csv.DictReader(file):
                opened = datetime.fromtimestamp(int(row["open_time_ms"]) / 1000, UTC)
                if opened.date() == day:
                    key = (path.name.removesuffix(".csv.gz"), f"{opened:%Y-%m-%d %H:%M:%S}")
                    rows[key] = tuple(row[name] for name in ("open", "high", "low", "close", "volume"))
    return rows


def assert_equal_to_recorded(
    rows: Sequence[Mapping[str, object]], recorded: Mapping[tuple[str, str], tuple[str, ...]]
) -> None:
    """Compare the warehouse's rows with the decimal strings of the files, digit by digit."""
    found = {(str(row["market"]), str(row["observed_at"])[:19]): row for row in rows}
    assert len(found) == len(rows)
    assert set(found) == set(recorded)
    for key, row in found.items():
        columns = ("open_price", "high_price", "low_price", "close_price", "base_volume")
        for column, expected in zip(columns, recorded[key], strict=True):
            whole, _, decimals = expected.partition(".")
            # A DECIMAL(38, 18) has 18 decimals, so the exchange's digits are padded with zeros.
            assert row[column] == f"{whole}.{decimals:0<18}", (key, column)


@dataclass
class Demo:
    """Runs the command of ``make demo`` on one state folder and inspects the result."""

    state_dir: Path
    market_data: Path | None

    def command(self, *arguments: str) -> list[str]:
        recorded = ["--market-data", str(self.market_data)] if self.market_data else []
        return [sys.executable, "-m", "dev", "demo", "--state-dir", str(self.state_dir), *recorded, *arguments]

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.command(*arguments),
            cwd=REPOSITORY,
            env=os.environ | PERSONAL_SETTINGS,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            # Background jobs of a shell ignore Ctrl-C, and their children do, too.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        process = self.start(*arguments)
        try:
            output, _ = process.communicate(timeout=1200)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT)
            output, _ = process.communicate(timeout=120)
            pytest.fail(f"the demo did not end within its timeout:\n{output}")
        return subprocess.CompletedProcess(process.args, process.returncode, output)

    def sql(self, statement: str) -> subprocess.CompletedProcess[str]:
        """Run the command of ``make sql`` with a statement."""
        return self.dev("sql", "--format", "csv", "--sql", statement)

    def dev(self, command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a developer command on the state folder."""
        return subprocess.run(
            [sys.executable, "-m", "dev", command, "--state-dir", str(self.state_dir), *arguments],
            cwd=REPOSITORY,
            env=os.environ | PERSONAL_SETTINGS,
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )

    def ask(self, sql: str) -> list[dict[str, object]]:
        """Query the warehouse in the state folder, while no demo runs."""
        with Warehouse(self.state_dir / "warehouse") as warehouse, statements_client(warehouse) as client:
            outcome = client.run(sql)
        assert outcome.error is None, outcome.error
        names = [column["name"] for column in outcome.columns]
        return [dict(zip(names, row, strict=True)) for row in outcome.rows]

    def calls(self) -> str:
        return (self.state_dir / "calls.jsonl").read_text()

    def wait_until_gone(self, seconds: float) -> list[str]:
        deadline = time.monotonic() + seconds
        while (left := processes_with(str(self.state_dir))) and time.monotonic() < deadline:
            time.sleep(0.1)
        return left
