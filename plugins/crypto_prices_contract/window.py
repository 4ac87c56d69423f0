"""Windows: the whole UTC days that a run works on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta


class WindowError(ValueError):
    """The given days do not form a window. The message has the reason and what to provide instead."""


@dataclass(frozen=True, order=True)
class Window:
    """Whole UTC days [start, end).

    Attributes:
        start: First day, included.
        end: Day after the last day, excluded; later than ``start``.
    """

    start: date
    end: date

    def __post_init__(self) -> None:
        if self.end <= self.start:
            raise WindowError(f"the window [{self.start}, {self.end}) must end after it starts")

    @classmethod
    def of_day(cls, day: date) -> Window:
        """Return the window of one day."""
        return cls(day, day + timedelta(days=1))

    @classmethod
    def parse(cls, start: str, end: str) -> Window:
        """Return the window between two ISO days.

        Raises:
            WindowError: One of them is not an ISO day, or they are in the wrong order.
        """
        return cls(parse_day(start), parse_day(end))

    @property
    def starts_at(self) -> datetime:
        """First instant inside the window, UTC."""
        return datetime.combine(self.start, time(), UTC)

    @property
    def ends_at(self) -> datetime:
        """First instant after the window, UTC."""
        return datetime.combine(self.end, time(), UTC)

    @property
    def start_ms(self) -> int:
        """``starts_at`` in milliseconds since 1970-01-01 UTC."""
        return int(self.starts_at.timestamp()) * 1000

    @property
    def end_ms(self) -> int:
        """``ends_at`` in milliseconds since 1970-01-01 UTC."""
        return int(self.ends_at.timestamp()) * 1000

    @property
    def name(self) -> str:
        """The window as part of object keys and batch ids, such as ``20231218-20231219``."""
        return f"{self.start:%Y%m%d}-{self.end:%Y%m%d}"

    def days(self) -> list[date]:
        """Return each day of the window, oldest first."""
        return [self.start + timedelta(days=offset) for offset in range((self.end - self.start).days)]

    def as_json(self) -> dict[str, str]:
        """Return the window in the form used by manifests and reports."""
        return {"start": self.start.isoformat(), "end": self.end.isoformat()}


def parse_day(text: str) -> date:
    """Return the day in an ISO text such as ``2023-12-18``.

    Raises:
        WindowError: The text is anything else. A time of day is rejected, not truncated.
    """
    try:
        return date.fromisoformat(text)
    except (TypeError, ValueError):
        raise WindowError(f"{text!r} is not a day: write it as YYYY-MM-DD, for example 2023-12-18") from None
