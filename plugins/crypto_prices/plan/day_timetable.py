"""The schedule of the daily DAG, which names each run after the day that it loads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.timetables.interval import CronDataIntervalTimetable

if TYPE_CHECKING:
    from airflow.timetables.base import DataInterval
    from airflow.utils.types import DagRunType
    from pendulum import DateTime


class DayTimetable(CronDataIntervalTimetable):
    """Schedules one run after each UTC day. Its run id has the day, such as ``scheduled__2024-01-05``.

    Airflow's own run id has the time of the schedule, which is the day after the loaded one. Airflow's grid shows the
    run id, but not the logical date. The day in the id is the logical date, as in ``daily_window``.

    Runs that a user triggers keep Airflow's id. Their day may be a param, which Airflow does not pass here. Airflow
    does not ask the timetable for the ids of a backfill's runs.

    Airflow finds the class through ``crypto_prices_plugin.py``. It documents both the registration and the id:
    https://airflow.apache.org/docs/apache-airflow/stable/howto/timetable.html#changing-generated-run-id
    """

    def __init__(self) -> None:
        super().__init__("0 0 * * *", timezone="UTC")

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> DayTimetable:
        """Return the schedule. It has no settings."""
        return cls()

    def serialize(self) -> dict[str, Any]:
        """Return an empty dict, because the schedule has no settings."""
        return {}

    def generate_run_id(
        self, *, run_type: DagRunType, run_after: DateTime, data_interval: DataInterval | None, **extra: Any
    ) -> str:
        """Return the id of a run.

        Args:
            run_type: How the run was created.
            run_after: When it may start.
            data_interval: Its data interval. For a run that a user triggered, it may be a different day.
            extra: Other properties of the run, which Airflow passes.
        """
        if run_type == "scheduled" and data_interval is not None:
            return run_type.generate_run_id(suffix=data_interval.start.date().isoformat())
        return super().generate_run_id(run_type=run_type, run_after=run_after, data_interval=data_interval, **extra)
