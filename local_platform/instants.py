"""Instants in Airflow's text format."""

from __future__ import annotations

from datetime import UTC, datetime


def read_instant(text: str | None) -> datetime | None:
    """Return the instant in an ISO 8601 text, or None if there is none.

    A text without a time zone is in UTC, as in Airflow's SQLite database.
    """
    if text is None:
        return None
    instant = datetime.fromisoformat(text)
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def instant_text(instant: datetime | None) -> str | None:
    """Return an instant in the format of Airflow's API, or None if there is none.

    Raises:
        ValueError: The instant has no time zone.
    """
    if instant is None:
        return None
    if instant.tzinfo is None:
        raise ValueError(f"{instant} has no time zone")
    return instant.isoformat()
