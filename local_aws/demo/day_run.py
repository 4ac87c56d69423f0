"""One demo run: which processes it starts, what it waits for, and what it asks afterwards."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import jinja2

from local_aws import child_process
from local_aws.airflow_environment import REPOSITORY, airflow_environment, airflow_home
from local_aws.demo import failure
from local_aws.demo.screen import Screen
from local_aws.demo.task_progress import FINISHED, TaskProgress, read_progress

sys.path.insert(0, str(REPOSITORY / "plugins"))

from crypto_prices.macros import FILTERS  # noqa: E402 (the bundle's own SQL is asked with the bundle's own filters)
from crypto_prices.window import Window  # noqa: E402

START_SECONDS = 120
RUN_SECONDS = 3600
STOP_SECONDS = 15
LOOK_SECONDS = 0.25


class DemoError(Exception):
    """The demo cannot go on; the message says why and what to do."""


@dataclass(frozen=True)
class Options:
    """What to run.

    Attributes:
        day: UTC day to load.
        symbols: Exchange symbols to load.
        market_data: Folder of recorded candles that the local exchange serves; None for generated ones.
        live: Take the real exchange API.
        force: Load even what the warehouse already holds.
        state_dir: Where everything is kept.
    """

    day: date
    symbols: list[str]
    market_data: Path | None
    live: bool
    force: bool
    state_dir: Path

    @property
    def logical_date(self) -> datetime:
        """The run's logical date."""
        return datetime(self.day.year, self.day.month, self.day.day, tzinfo=UTC)


@dataclass
class DayRun:
    """Runs the day, and shows it on a screen.

    Attributes:
        options: What to run.
        screen: Where to show it.
    """

    options: Options
    screen: Screen
    _children: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def airflow_log(self) -> Path:
        """What Airflow writes while the demo runs."""
        return self.options.state_dir / "logs" / "demo-airflow.log"

    @property
    def aws_log(self) -> Path:
        """What the local AWS writes while the demo runs."""
        return self.options.state_dir / "logs" / "demo-local-aws.log"

    @property
    def result_file(self) -> Path:
        """How the run ended, written by the process that ran it."""
        return airflow_home(self.options.state_dir) / "demo-result.json"

    def execute(self) -> bool:
        """Run the day and show the result; return whether the run succeeded.

        Raises:
            DemoError: It could not be run.
        """
        began = time.monotonic()
        options = self.options
        self._make_room()
        port = _free_port()
        aws = _aws_environment(port)
        self.screen.header(options, self.airflow_log, self.aws_log)
        local_aws = self._start_local_aws(port)
        airflow = self._start_airflow(aws)
        with self.screen.working("starting the local AWS and Airflow"):
            names = self._provision(local_aws, aws)
        aws_seconds = time.monotonic() - began
        assert airflow.stdin is not None
        airflow.stdin.write(b"go\n")
        airflow.stdin.close()
        tasks = self._watch(airflow, local_aws)
        result = json.loads(self.result_file.read_text()) if self.result_file.exists() else {}
        succeeded = airflow.returncode == 0 and result.get("state") == "success"
        self.screen.tasks(tasks)
        if not succeeded:
            self._explain(tasks)
            return False
        if result.get("skipped_because"):
            self.screen.skipped(result["skipped_because"])
        self._show_warehouse(aws, names)
        self.screen.places(options, names, self.airflow_log)
        self.screen.timing(time.monotonic() - began, aws_seconds, result["airflow_start_seconds"], tasks)
        return True

    def stop(self) -> None:
        """End every process that was started, the last one first."""
        for child in reversed(self._children):
            child_process.stop(child, STOP_SECONDS)
        self._children.clear()
