"""Runs the bundle's DAGs as a worker of the environment, and reports the failed task of each run with the reason."""

from __future__ import annotations

import contextlib
import json
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from dev.prove.worker import Worker
from local_aws import child_process
from local_platform import task_failure
from local_platform.airflow_environment import airflow_home, airflow_python

_DAG_RUNNER = Path(__file__).with_name("dag_runner.py")
_STUCK_SECONDS = 600.0
"""A run hangs if its log does not grow for so long. A limit of its duration would depend on the machine."""
_STOP_SECONDS = 10
_LOOK_SECONDS = 0.05


class PipelineError(Exception):
    """The process that runs the DAGs ended or hangs; the message has the end of its log."""


@dataclass(frozen=True)
class DagRun:
    """The result of a run.

    Attributes:
        state: ``success`` or ``failed``.
        failed: The first failed task in the order of the DAG; None if no task failed.
        reason: The reason, from the task's log.
    """

    state: str
    failed: str | None
    reason: str


class Pipeline:
    """A process that runs DAGs with the worker's environment; a context manager.

    Args:
        worker: The worker whose files, configuration and credentials it uses.
    """

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._results = worker.home / "dag-runs.jsonl"
        self._log = worker.home / "dag-runs.log"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Pipeline:
        airflow_home(self._worker.home).mkdir(parents=True, exist_ok=True)
        self._results.unlink(missing_ok=True)
        self._log.unlink(missing_ok=True)
        command = airflow_python(str(_DAG_RUNNER), "--results", str(self._results))
        self._process = child_process.start(
            command, environment=self._worker.variables, log=self._log, directory=airflow_home(self._worker.home)
        )
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            child_process.stop(self._process, _STOP_SECONDS)

    def run(self, dag_id: str, day: date, conf: Mapping[str, Any] | None = None) -> DagRun:
        """Run a DAG for a day and wait until it finishes.

        Args:
            dag_id: The DAG.
            day: The logical date.
            conf: The run's params.

        Raises:
            PipelineError: The process ended, or the run hangs: its log did not grow for ten minutes.
        """
        if self._process is None or self._process.stdin is None:
            raise PipelineError("the pipeline has not been started")
        before = self._written()
        done = len(self._lines())
        request = {"dag_id": dag_id, "logical_date": day.isoformat(), "conf": dict(conf or {})}
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
        written, changed_at = before, time.monotonic()
        while len(lines := self._lines()) == done:
            if self._process.poll() is not None:
                raise PipelineError(f"the process that runs the DAGs ended:\n{self._tail()}")
            if (size := self._written()) != written:
                written, changed_at = size, time.monotonic()
            if time.monotonic() - changed_at > _STUCK_SECONDS:
                raise PipelineError(f"a run of {dag_id} wrote no log for {_STUCK_SECONDS:.0f} s:\n{self._tail()}")
            time.sleep(_LOOK_SECONDS)
        with self._log.open("rb") as file:
            file.seek(before)
            log = file.read().decode(errors="replace")
        return _read(json.loads(lines[-1]), log)

    def _lines(self) -> list[str]:
        text = self._results.read_text(encoding="utf-8") if self._results.exists() else ""
        return [line for line in text.split("\n")[:-1] if line]

    def _written(self) -> int:
        return self._log.stat().st_size if self._log.exists() else 0

    def _tail(self) -> str:
        return self._log.read_text(errors="replace")[-2000:] if self._log.exists() else ""


def _read(result: Mapping[str, Any], log: str) -> DagRun:
    for task in result["tasks"]:
        if task["state"] == "failed":
            name = task["task_id"] if task["map_index"] < 0 else f"{task['task_id']}[{task['map_index']}]"
            reason = task_failure.reason(task_failure.log_of_task(log, task["task_id"], task["map_index"]))
            return DagRun(result["state"], name, reason)
    return DagRun(result["state"], None, "")
