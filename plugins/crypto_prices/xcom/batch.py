"""A batch: one load of a window by one DAG run. Only this module creates its names."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from crypto_prices_contract.curation_report import CurationReport
from crypto_prices_contract.window import Window

from crypto_prices.xcom.fetched_source import FetchedSource
from crypto_prices.xcom.replay import Replay


@dataclass(frozen=True)
class Batch:
    """One load of a window.

    Attributes:
        batch_id: Name of the load. It stays the same when a task of the run is cleared and runs again. Curated rows
            have the name of an attempt instead, see ``attempt_id``.
        staging_table: The run's own staging table, without the schema.
        window_start: First day (ISO), included.
        window_end: Day after the last (ISO), excluded.
        sources: The fetched sources.
        replay: The committed load that the run replays; None for a new load.
    """

    batch_id: str
    staging_table: str
    window_start: str
    window_end: str
    sources: list[FetchedSource]
    replay: Replay | None = None

    @classmethod
    def of_run(cls, dag_id: str, run_id: str, window: Window, sources: list[FetchedSource]) -> Batch:
        """Name the load of a window by a DAG run.

        Two runs never share a name, so they never share a staging table. Retries and clears of the same run do.
        """
        digest = hashlib.sha256(f"{dag_id}\n{run_id}\n{window.name}".encode()).hexdigest()[:16]
        return cls(
            batch_id=f"{window.name}-{digest}",
            staging_table=f"stg_crypto_prices_{digest}",
            window_start=window.start.isoformat(),
            window_end=window.end.isoformat(),
            sources=sources,
        )

    def replaying(self, replay: Replay) -> Batch:
        """Return this batch under the name of a committed load, with the run's own staging table."""
        return dataclasses.replace(self, batch_id=replay.batch_id.rpartition("-")[0], replay=replay)

    @property
    def window(self) -> Window:
        """The batch's window."""
        return Window.parse(self.window_start, self.window_end)

    @property
    def records(self) -> int:
        """Number of records fetched from all sources."""
        return sum(fetched.records for fetched in self.sources)

    def attempt_id(self, try_number: int) -> str:
        """Return the name of one attempt of ``curate_prices`` at the batch.

        Rows of another attempt must not be mistaken for rows of this one.

        Args:
            try_number: Airflow's number of the task's try in this run, clears included. A replay keeps the load's.
        """
        return f"{self.batch_id}-{try_number}" if self.replay is None else self.replay.batch_id

    def is_attempt(self, batch_id: str) -> bool:
        """Return whether a name is one from ``attempt_id``."""
        return batch_id.startswith(f"{self.batch_id}-") if self.replay is None else batch_id == self.replay.batch_id

    def as_xcom(self) -> dict[str, Any]:
        """Return the batch as JSON-able data for XCom."""
        return asdict(self)


def loaded_sources(batch: Batch, report: CurationReport) -> list[FetchedSource]:
    """Return the fetched sources that a load of the batch replaces: those that the Glue job did not refuse.

    Args:
        batch: The batch.
        report: The curation report of the batch.
    """
    refused = {source.source for source in report.refused}
    return [fetched for fetched in batch.sources if fetched.source not in refused]


def missing_sources(wanted: Iterable[str], batch: Batch) -> str:
    """Return a message about the sources that a batch lacks and what to do about it; empty if it has all sources.

    Args:
        wanted: The sources of the run.
        batch: The batch that the run planned.
    """
    missing = sorted(set(wanted) - {fetched.source for fetched in batch.sources})
    if not missing:
        return ""
    return (
        f"{', '.join(missing)} was not fetched when the load was planned, so its candles in the window are not loaded: "
        "clear its fetch_prices, even if it has succeeded since, with its downstream tasks"
    )
