"""A batch: one load of a window by one DAG run. Only this module makes its names."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from crypto_prices_contract.window import Window

from crypto_prices.xcom.fetched_source import FetchedSource


@dataclass(frozen=True)
class Batch:
    """One load of a window.

    Attributes:
        batch_id: Name of the load; the same when a task of the run is cleared and runs again. What is curated carries
            the name of an attempt at it, see ``attempt_id``.
        staging_table: The run's own staging table, without the schema.
        window_start: First day (ISO), included.
        window_end: Day after the last (ISO), excluded.
        sources: What was fetched.
    """

    batch_id: str
    staging_table: str
    window_start: str
    window_end: str
    sources: list[FetchedSource]

    @classmethod
    def of_run(cls, dag_id: str, run_id: str, window: Window, sources: list[FetchedSource]) -> Batch:
        """Name the load of a window by a DAG run.

        Two runs never share a name, so they cannot share a staging table; the run's own retries and clears do.
        """
        digest = hashlib.sha256(f"{dag_id}\n{run_id}\n{window.name}".encode()).hexdigest()[:16]
        return cls(
            batch_id=f"{window.name}-{digest}",
            staging_table=f"stg_crypto_prices_{digest}",
            window_start=window.start.isoformat(),
            window_end=window.end.isoformat(),
            sources=sources,
        )

    @property
    def window(self) -> Window:
        """The batch's window."""
        return Window.parse(self.window_start, self.window_end)

    @property
    def records(self) -> int:
        """Number of records fetched from all sources."""
        return sum(fetched.records for fetched in self.sources)

    def attempt_id(self, try_number: int) -> str:
        """Name what one try of ``curate_prices`` makes of the batch: rows of another try must not pass for it.

        Args:
            try_number: Airflow's count of the task's tries in this run, clears included.
        """
        return f"{self.batch_id}-{try_number}"

    def is_attempt(self, batch_id: str) -> bool:
        """Whether a name is one that ``attempt_id`` gave."""
        return batch_id.startswith(f"{self.batch_id}-")

    def as_xcom(self) -> dict[str, Any]:
        """Return the batch as JSON-able data for XCom."""
        return asdict(self)

    @classmethod
    def from_xcom(cls, data: dict[str, Any]) -> Batch:
        """Return the batch that ``as_xcom`` gave."""
        return cls(**{**data, "sources": [FetchedSource(**fetched) for fetched in data["sources"]]})


def missing_sources(wanted: Iterable[str], batch: Batch) -> str:
    """Return which sources a batch was to have and has not, and what to do about it; empty when it has all of them.

    Args:
        wanted: The sources that the run was to load.
        batch: What it could load.
    """
    missing = sorted(set(wanted) - {fetched.source for fetched in batch.sources})
    if not missing:
        return ""
    return (
        f"{', '.join(missing)} was not fetched when the load was planned, so its candles of the window are not loaded: "
        "clear fetch_prices of it (once more, if it is green by now) with its downstream tasks"
    )
