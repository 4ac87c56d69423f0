"""The options of one demo run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime

from local_platform.markets import Markets
from local_platform.state_options import StateOptions


@dataclass(frozen=True)
class Options:
    """What to run.

    Attributes:
        day: UTC day to load.
        markets: The markets to load and the candles that the local exchange serves.
        live: Call the real exchange API.
        reload: Load even what the warehouse already holds.
        state: Where the local AWS keeps its state, and where it listens.
    """

    day: date
    markets: Markets
    live: bool
    reload: bool
    state: StateOptions

    @property
    def logical_date(self) -> datetime:
        """The run's logical date."""
        return datetime(self.day.year, self.day.month, self.day.day, tzinfo=UTC)
