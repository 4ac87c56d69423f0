"""The window of a run of the daily DAG."""

from __future__ import annotations

from datetime import UTC, datetime

from crypto_prices_contract.window import Window, WindowError, parse_day


def daily_window(logical_date: datetime | None, day: str | None) -> Window:
    """Return the window of one run of the daily DAG.

    It uses the logical date instead of the data interval, because ``data_interval_*`` differs between scheduled,
    manual, REST and ``dags test`` runs.

    Args:
        logical_date: The run's logical date, timezone-aware, or None for a run that was triggered without one.
        day: The run's param ``day`` (ISO), which takes precedence over the logical date; None or empty if not given.

    Raises:
        WindowError: Neither is given, or ``day`` is not a day.
    """
    if day:
        return Window.of_day(parse_day(day))
    if logical_date is None:
        raise WindowError(
            "this run has neither a logical date nor the param day, so its day is unknown: "
            'trigger it with a logical date, or with the configuration {"day": "YYYY-MM-DD"}'
        )
    return Window.of_day(logical_date.astimezone(UTC).date())
