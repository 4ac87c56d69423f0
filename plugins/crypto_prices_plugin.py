"""Registers the bundle's schedules with Airflow."""

from __future__ import annotations

from typing import Any

from airflow.plugins_manager import AirflowPlugin
from crypto_prices.plan.day_timetable import DayTimetable


class CryptoPricesPlugin(AirflowPlugin):
    """The bundle's plugin. Airflow loads it in every component at start-up (``core.lazy_load_plugins`` is False)."""

    name = "crypto_prices"
    timetables: list[Any] = [DayTimetable]  # noqa: RUF012 - as AirflowPlugin declares it
