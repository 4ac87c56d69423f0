"""Windows: the whole UTC days a run works on. Everything in this project is a function of one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

MOST_EXPRESSION_CHARACTERS = 2048
"""Longest ``Expression`` of GetPartitions. Source: AWS Glue API reference."""


class WindowError(ValueError):
    """A window cannot be made of what was given; the message says why and what to give instead."""


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
            raise WindowError(f"a window ends after it starts, but this one is [{self.start}, {self.end})")

    @classmethod
    def of_day(cls, day: date) -> Window:
        """Return the window of one day."""
        return cls(day, day + timedelta(days=1))

    @classmethod
    def parse(cls, start: str, end: str) -> Window:
        """Return the window of two ISO days.

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
    def name(self) -> str:
        """The window for object keys and batch ids, such as ``20231218-20231219``."""
        return f"{self.start:%Y%m%d}-{self.end:%Y%m%d}"

    def days(self) -> Iterator[date]:
        """Yield each day of the window, oldest first."""
        for offset in range((self.end - self.start).days):
            yield self.start + timedelta(days=offset)

    def partition_expression(self) -> str:
        """Return the Glue catalog expression that selects this window's partitions (year, month and day are strings).

        Days are grouped by month, so that a window of two years stays below ``MOST_EXPRESSION_CHARACTERS``.

        Raises:
            WindowError: The window has too many months for one expression.
        """
        days_of_month: dict[tuple[int, int], list[date]] = {}
        for day in self.days():
            days_of_month.setdefault((day.year, day.month), []).append(day)
        terms = []
        for (year, month), days in days_of_month.items():
            first, last = days[0].day, days[-1].day
            which = f"day = '{first:02d}'" if first == last else f"day >= '{first:02d}' AND day <= '{last:02d}'"
            terms.append(f"(year = '{year:04d}' AND month = '{month:02d}' AND {which})")
        expression = " OR ".join(terms)
        if len(expression) > MOST_EXPRESSION_CHARACTERS:
            raise WindowError(
                f"the window [{self.start}, {self.end}) is too long: the Glue catalog finds partitions by an "
                f"expression of at most {MOST_EXPRESSION_CHARACTERS} characters, and that of its {len(terms)} months "
                f"has {len(expression)}. Load it in parts of up to two years, as crypto_prices_backfill does"
            )
        return expression


def parse_day(text: str) -> date:
    """Return the day that an ISO text (``2023-12-18``) names.

    Raises:
        WindowError: The text is anything else; a time of day is refused rather than cut off.
    """
    try:
        return date.fromisoformat(text)
    except (TypeError, ValueError):
        raise WindowError(f"{text!r} is not a day: write it as YYYY-MM-DD, for example 2023-12-18") from None


def daily_window(logical_date: datetime | None, day: str | None) -> Window:
    """Return the window of one run of the daily DAG.

    The logical date is taken and not the data interval: ``data_interval_*`` names different days in scheduled, manual,
    REST and ``dags test`` runs, the logical date does not.

    Args:
        logical_date: The run's logical date, timezone-aware, or None for a run that was triggered without one.
        day: The run's param ``day`` (ISO), which wins over the logical date; None or empty when it is not given.

    Raises:
        WindowError: Neither is given, or ``day`` is not a day.
    """
    if day:
        return Window.of_day(parse_day(day))
    if logical_date is None:
        raise WindowError(
            "this run has neither a logical date nor the param day, so it is not known which day to load: "
            'trigger it with a logical date, or with the configuration {"day": "YYYY-MM-DD"}'
        )
    return Window.of_day(logical_date.astimezone(UTC).date())
