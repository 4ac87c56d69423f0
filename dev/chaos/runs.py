"""Starts the runs of a DAG on the bench, waits for them, and says why they failed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from crypto_prices_contract import error_codes

from dev.chaos.bench import Bench
from local_platform.airflow_services.api import AirflowUnreachableError
from local_platform.task_failure import reason

STUCK_SECONDS = 1200.0
"""Runs hang if nothing changes for so long. A limit of their duration would depend on the machine."""

LOOK_SECONDS = 2.0
_CHANGE_SECONDS = 20.0
_ACTIVE_STATES = ("scheduled", "queued", "running", "deferred", "up_for_retry")


class Runs:
    """The runs of one DAG.

    Args:
        bench: The platform under test.
        dag_id: The DAG.
        progress: Called with the phase and the numbers of finished and all runs.

    Attributes:
        hanging: The ids of runs that did not change for ``STUCK_SECONDS``.
    """

    def __init__(self, bench: Bench, dag_id: str, progress: Callable[[str, int, int], None]) -> None:
        self._bench = bench
        self._dag_id = dag_id
        self._progress = progress
        self.hanging: set[str] = set()

    def trigger(self, run_id: str, conf: Mapping[str, Any], logical_date: datetime | None = None) -> None:
        """Start a run."""
        self._bench.api.trigger(self._dag_id, logical_date=logical_date, run_id=run_id, conf=conf)

    def wait(self, run_ids: Sequence[str], phase: str) -> None:
        """Wait until runs have finished or hang. Killed Airflow components are restarted."""
        changed_at = looked_at = time.monotonic()
        tasks: set[tuple[object, ...]] = set()
        while waiting := self._unfinished(run_ids):
            self._progress(phase, len(run_ids) - len(waiting), len(run_ids))
            now = time.monotonic()
            if now - looked_at > _CHANGE_SECONDS:
                looked_at, before, tasks = now, tasks, self._active_tasks()
                changed_at = now if tasks != before else changed_at
            if now - changed_at > STUCK_SECONDS:
                self.hanging.update(waiting)
                return
            self._bench.keep_alive()
            time.sleep(LOOK_SECONDS)
        self._progress(phase, len(run_ids), len(run_ids))

    def state(self, run_id: str) -> str:
        """Return the state of a run."""
        deadline = time.monotonic() + STUCK_SECONDS
        while True:
            try:
                return str(self._bench.api.dag_run(self._dag_id, run_id)["state"])
            except AirflowUnreachableError:
                if time.monotonic() > deadline:
                    raise
                self._bench.keep_alive()
                time.sleep(LOOK_SECONDS)

    def why(self, run_id: str) -> str:
        """Return the reasons of a run's failed tasks."""
        found = [f"{task_id}: {reason(log)[:300]}" for task_id, log in self._failed_tasks(run_id)]
        return "; ".join(found) or "no task has failed"

    def error_codes_of(self, run_id: str, task_id: str) -> set[str | None]:
        """Return the error code in the log of a task, if it has failed."""
        return {error_codes.find_error_code(log) for task, log in self._failed_tasks(run_id) if task == task_id}

    def _failed_tasks(self, run_id: str) -> Iterator[tuple[str, str]]:
        """Yield the task id and the log of the last try of each failed task."""
        api = self._bench.api
        for task in api.task_instances(self._dag_id, run_id, states=["failed"]):
            name = task["task_id"]
            yield name, api.task_log(self._dag_id, run_id, name, task["try_number"], map_index=task["map_index"])

    def _active_tasks(self) -> set[tuple[object, ...]]:
        try:
            found = self._bench.api.task_instances(self._dag_id, states=_ACTIVE_STATES)
        except AirflowUnreachableError:
            return set()
        members = ("dag_run_id", "task_id", "map_index", "state", "try_number")
        return {tuple(task[member] for member in members) for task in found}

    def _unfinished(self, run_ids: Sequence[str]) -> list[str]:
        if not run_ids:
            return []
        try:
            active = self._bench.api.dag_runs(self._dag_id, states=["queued", "running"])
        except AirflowUnreachableError:
            return list(run_ids)
        return sorted(set(run_ids) & {run["dag_run_id"] for run in active})
