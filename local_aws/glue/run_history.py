"""Stores job runs, one JSON file per run, so that they survive a restart of the emulator."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from local_aws.replaced_file import replacing

UNFINISHED = frozenset({"STARTING", "RUNNING", "STOPPING"})


@dataclass
class JobRun:
    """One job run.

    Attributes:
        id: ``jr_`` and 64 hexadecimal digits.
        job_name: The job.
        state: Glue's name of the state: STARTING, RUNNING, STOPPING, STOPPED, SUCCEEDED, FAILED or TIMEOUT.
        arguments: The arguments that the caller passed.
        timeout_minutes: Minutes after which the run is ended.
        capacity: The worker settings that GetJobRun returns.
        started_on: When it was requested, UTC.
        last_modified_on: When its state last changed, UTC.
        completed_on: When it ended, UTC.
        execution_seconds: How long it ran, in seconds.
        error: The reason for a failure.
        pid: The id of its process while there is one.
        security_configuration: The name of its security configuration, if it has one.
        log_group: Prefix of the names of its log groups.
    """

    id: str
    job_name: str
    state: str
    arguments: dict[str, str]
    timeout_minutes: int
    capacity: dict[str, Any]
    started_on: dt.datetime
    last_modified_on: dt.datetime
    completed_on: dt.datetime | None = None
    execution_seconds: int = 0
    error: str | None = None
    pid: int | None = field(default=None)
    security_configuration: str | None = None
    log_group: str = "/aws-glue/jobs"


class RunHistory:
    """All job runs, in memory and on disk.

    Args:
        folder: The folder for the files. It is created if it does not exist.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._folder.mkdir(parents=True, exist_ok=True)
        self._runs = {run.id: run for run in map(_read, sorted(folder.glob("jr_*.json")))}

    def get(self, run_id: str) -> JobRun | None:
        """Return a run, or None if the id is unknown."""
        return self._runs.get(run_id)

    def of_job(self, job_name: str) -> list[JobRun]:
        """Return the runs of a job, newest first."""
        runs = [run for run in self._runs.values() if run.job_name == job_name]
        return sorted(runs, key=lambda run: (run.started_on, run.id), reverse=True)

    def unfinished(self) -> list[JobRun]:
        """Return the runs that have not ended."""
        return [run for run in self._runs.values() if run.state in UNFINISHED]

    def save(self, run: JobRun) -> None:
        """Save a run's current state. The file is replaced in one step."""
        self._runs[run.id] = run
        with replacing(self._folder / f"{run.id}.json") as draft:
            draft.write_text(json.dumps(asdict(run), default=_text, indent=1), encoding="utf-8")


_TIMES = frozenset({"started_on", "last_modified_on", "completed_on"})


def _text(value: object) -> str:
    if isinstance(value, dt.datetime):
        return value.isoformat()
    raise TypeError(f"cannot store {value!r} as JSON")


def _read(path: Path) -> JobRun:
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    known = {f.name for f in fields(JobRun)}
    for name in _TIMES:
        content[name] = content[name] and dt.datetime.fromisoformat(content[name])
    return JobRun(**{name: value for name, value in content.items() if name in known})
