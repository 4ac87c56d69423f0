"""The progress of a backfill per day, computed from the responses of Airflow's API."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from crypto_prices.counted import counted

from local_platform.instants import read_instant

FINISHED = ("success", "failed")


@dataclass(frozen=True)
class DayProgress:
    """One day of the backfill.

    Attributes:
        day: The day.
        run_id: Its DAG run; None before it exists.
        state: The run's state: queued, running, success or failed; None before the run exists.
        started_at: Start of the run, UTC.
        ended_at: End of the run, UTC.
        tasks: Its active task instances, as ``task`` or ``task[index]``, with their state.
        is_new: Whether this backfill runs the day; False if an earlier run is kept.
    """

    day: date
    run_id: str | None
    state: str | None
    started_at: datetime | None
    ended_at: datetime | None
    tasks: tuple[tuple[str, str], ...]
    is_new: bool

    @property
    def is_finished(self) -> bool:
        """Whether the run has ended."""
        return self.state in FINISHED

    def seconds(self, now: datetime) -> float | None:
        """Return the duration of the run so far, in seconds; None before it starts."""
        return None if self.started_at is None else ((self.ended_at or now) - self.started_at).total_seconds()


def day_progress(
    days: Iterable[date],
    new_days: Iterable[date],
    runs: Iterable[Mapping[str, Any]],
    task_instances: Iterable[Mapping[str, Any]],
) -> list[DayProgress]:
    """Return each day of a backfill.

    Args:
        days: Every day from first to last.
        new_days: The days that the backfill runs.
        runs: The DAG runs of these days.
        task_instances: The active task instances of these runs.
    """
    run_of_day = {datetime.fromisoformat(run["logical_date"]).astimezone(UTC).date(): run for run in runs}
    active: dict[str, list[tuple[str, str]]] = {}
    for task in task_instances:
        active.setdefault(task["dag_run_id"], []).append((task_name(task), task["state"]))
    new = set(new_days)
    progress = []
    for day in days:
        run = run_of_day.get(day, {})
        run_id = run.get("dag_run_id")
        progress.append(
            DayProgress(
                day=day,
                run_id=run_id,
                state=run.get("state"),
                started_at=read_instant(run.get("start_date")),
                ended_at=read_instant(run.get("end_date")),
                tasks=tuple(sorted(active.get(run_id, []))) if run_id else (),
                is_new=day in new,
            )
        )
    return progress


def task_name(task: Mapping[str, Any]) -> str:
    """Return a task instance's task id, with its map index if it is mapped."""
    return task["task_id"] if task["map_index"] < 0 else f"{task['task_id']}[{task['map_index']}]"


def summary(days: Sequence[DayProgress]) -> str:
    """Return one line with the number of days per state and the tasks that are running."""
    states = Counter(day.state or "waiting" for day in days)
    words = {"success": "done", "running": "running", "queued": "waiting", "waiting": "not created", "failed": "failed"}
    by_state = ", ".join(
        f"{states[state]} {word}" for state, word in words.items() if states[state] or state == "success"
    )
    tasks = Counter(f"{name} {state}" if state != "running" else name for day in days for name, state in day.tasks)
    now = ", ".join(name if count == 1 else f"{count} {name}" for name, count in sorted(tasks.items()))
    return f"{by_state} of {counted(len(days), 'day')}" + (f": {now}" if now else "")
