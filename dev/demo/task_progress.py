"""The progress of a run, read from Airflow's metadata database while another process writes to it."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from local_platform.instants import read_instant


@dataclass(frozen=True)
class TaskProgress:
    """One task instance.

    Attributes:
        task_id: The task.
        map_index: Index of a mapped instance; -1 if the task is not mapped.
        state: Airflow's state; None before it is scheduled.
        started_at: Start of the current try, UTC.
        ended_at: End of the last try, UTC.
        try_number: Number of the try, starting at 1.
        position: Place in the DAG file, for tasks that have not started.
        retry_reason: Why the task waits for another try, and until when; None if it does not.
    """

    task_id: str
    map_index: int
    state: str | None
    started_at: datetime | None
    ended_at: datetime | None
    try_number: int
    position: int
    retry_reason: str | None = None

    @property
    def name(self) -> str:
        """The task id, with the map index if the task is mapped."""
        return self.task_id if self.map_index < 0 else f"{self.task_id}[{self.map_index}]"

    def seconds(self, now: datetime) -> float | None:
        """Return the duration so far, in seconds; None before the task starts."""
        if self.started_at is None or self.state in ("skipped", "upstream_failed"):
            return None
        return ((self.ended_at or now) - self.started_at).total_seconds()


def read_progress(database: Path, dag_id: str, logical_date: datetime, since: datetime) -> list[TaskProgress]:
    """Return the task instances of a run of the demo in the order of the DAG file; an empty list before it exists.

    Args:
        database: Airflow's SQLite file.
        dag_id: The run's DAG.
        logical_date: The run's logical date, UTC.
        since: Start of the demo, UTC; older runs of the same date are ignored.
    """
    if not database.exists():
        return []
    connection = sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True, timeout=1)
    try:
        rows = connection.execute(
            "SELECT ti.task_id, ti.map_index, ti.state, ti.start_date, ti.end_date, ti.try_number, "
            "CASE WHEN ti.state = 'up_for_retry' THEN ti.retry_reason END "
            "FROM task_instance ti JOIN dag_run dr ON dr.dag_id = ti.dag_id AND dr.run_id = ti.run_id "
            "WHERE ti.dag_id = ? AND dr.logical_date = ? AND dr.run_after >= ? "
            "ORDER BY ti.id",  # ids sort by time and are created in the order of the DAG file
            (dag_id, _text(logical_date), _text(since)),
        ).fetchall()
    except sqlite3.OperationalError:
        return []  # the tables do not exist yet, or the database is locked: the next read succeeds
    finally:
        connection.close()
    return [
        TaskProgress(row[0], row[1], row[2], read_instant(row[3]), read_instant(row[4]), row[5], position, row[6])
        for position, row in enumerate(rows)
    ]


def _text(instant: datetime) -> str:
    return instant.strftime("%Y-%m-%d %H:%M:%S.%f")
