"""Files through which the harness and Airflow's processes exchange the state of each day.

The harness runs the local AWS and records which faults have fired. Airflow's processes run the bundle and record which
guards they skipped.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from dev.chaos.boundaries import MARTS_DAG_ID, MARTS_DAY
from dev.chaos.cases import STAYS_PREFIX
from local_aws.replaced_file import replacing

FOLDER_VARIABLE = "CHAOS_SIGNALS"
_GUARDS_OFF = "guards-off.json"


class Signals:
    """Reads and writes the signals in a folder.

    Args:
        folder: The folder; the harness creates it before it starts Airflow.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @classmethod
    def from_environment(cls) -> Signals:
        """Return the signals of the harness that started this process."""
        return cls(Path(os.environ[FOLDER_VARIABLE]))

    def switch_off(self, guards: Mapping[date, str]) -> None:
        """Switch one guard off for the loads of each given day, and all other guards on."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with replacing(self._folder / _GUARDS_OFF) as draft:
            draft.write_text(json.dumps({day.isoformat(): guard for day, guard in guards.items()}))

    def guard_off(self, day: date) -> str | None:
        """Return the guard that is switched off for a day's loads."""
        guards: dict[str, str] = json.loads((self._folder / _GUARDS_OFF).read_text())
        return guards.get(day.isoformat())

    def left_out(self, day: date, guard: str) -> None:
        """Record that a load of the day reached the guard and skipped it."""
        (self._folder / f"left-out_{day}_{guard}").touch()

    def was_left_out(self, day: date, guard: str) -> bool:
        """Return whether a load of the day reached the guard and skipped it."""
        return (self._folder / f"left-out_{day}_{guard}").exists()

    def fired(self, day: date) -> None:
        """Record that the day's fault has fired."""
        (self._folder / f"fired_{day}").touch()

    def forget(self, day: date) -> None:
        """Forget that the day's fault has fired."""
        (self._folder / f"fired_{day}").unlink(missing_ok=True)

    def has_fired(self, day: date) -> bool:
        """Return whether the day's fault has fired."""
        return (self._folder / f"fired_{day}").exists()


def fault_stays(run: Any, signals: Signals) -> bool:
    """Return whether a retry would hit the same fault again: a permanent fault that has fired.

    Args:
        run: Airflow's DAG run.
        signals: The signals of the harness.
    """
    if not run.run_id.startswith(STAYS_PREFIX) or run.clear_number:
        return False
    if run.dag_id == MARTS_DAG_ID:
        return signals.has_fired(MARTS_DAY)
    day = (run.conf or {}).get("day")
    return signals.has_fired(date.fromisoformat(day) if day else run.logical_date.date())
