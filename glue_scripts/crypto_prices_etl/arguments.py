"""The arguments of one job run: which manifests to curate for which window, and where the catalog is."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass

from crypto_prices_etl.errors import CurationError
from crypto_prices_etl.schemas import CURATED_COLUMNS, Varchar

OPTION_NAMES = (
    "JOB_NAME",
    "raw_manifests",
    "window_start",
    "window_end",
    "batch_id",
    "catalog_database",
    "catalog_table",
    "lake_bucket",
    "max_rejected_share",
    "row_rules",
)
"""What ``getResolvedOptions`` is asked for.

JOB_RUN_ID is not in the list: it is reserved, asking for it raises, and Glue gives it unasked.
"""


@dataclass(frozen=True)
class Window:
    """The half-open range [start, end) of whole UTC days that a run curates."""

    start: dt.date
    end: dt.date

    def days(self) -> list[dt.date]:
        """Return the days of the window, oldest first."""
        return [self.start + dt.timedelta(days=n) for n in range((self.end - self.start).days)]

    @property
    def start_ms(self) -> int:
        """The first instant of the window, milliseconds since 1970-01-01 UTC."""
        return _midnight_ms(self.start)

    @property
    def end_ms(self) -> int:
        """The first instant after the window, milliseconds since 1970-01-01 UTC."""
        return _midnight_ms(self.end)

    def as_json(self) -> dict[str, str]:
        """Return the window as manifests and reports write it."""
        return {"start": self.start.isoformat(), "end": self.end.isoformat()}


@dataclass(frozen=True)
class CurationArguments:
    """The validated arguments of one job run.

    Attributes:
        job_run_id: Glue's id of the run, which names the version that the run writes.
        raw_manifests: The s3:// URIs of the raw manifests, in the order given.
        window: The days that the manifests cover and that the run may have rows of.
        batch_id: The load that the rows belong to, stored with each of them.
        catalog_database: The Glue database of the curated table.
        catalog_table: The curated table.
        lake_bucket: The bucket that holds every zone.
        max_rejected_share: The largest tolerated quarantined/fetched, from 0 to 1.
        row_rules: What the rules for records are to do, JSON (see ``quality.RowRules``).
    """

    job_run_id: str
    raw_manifests: tuple[str, ...]
    window: Window
    batch_id: str
    catalog_database: str
    catalog_table: str
    lake_bucket: str
    max_rejected_share: float
    row_rules: str

    @classmethod
    def from_options(cls, options: Mapping[str, str]) -> CurationArguments:
        """Read and check the texts that ``getResolvedOptions`` gives.

        Raises:
            CurationError: An argument has no meaning; the message names it.
        """
        manifests = tuple(uri.strip() for uri in options["raw_manifests"].split(",") if uri.strip())
        if not manifests:
            raise CurationError("raw_manifests names no manifest")
        if len(set(manifests)) != len(manifests):
            raise CurationError(f"raw_manifests names a manifest twice: {options['raw_manifests']}")
        job_run_id = options["JOB_RUN_ID"]
        if not re.fullmatch(r"[A-Za-z0-9_-]+", job_run_id):
            raise CurationError(f"JOB_RUN_ID {job_run_id!r} cannot name a folder")
        batch_id = options["batch_id"]
        longest = next(
            c.type.max_bytes for c in CURATED_COLUMNS if c.name == "batch_id" and isinstance(c.type, Varchar)
        )
        if not 0 < len(batch_id.encode()) <= longest:
            raise CurationError(f"batch_id must have 1 to {longest} bytes: {batch_id!r}")
        return cls(
            job_run_id=job_run_id,
            raw_manifests=manifests,
            window=parse_window(options["window_start"], options["window_end"]),
            batch_id=batch_id,
            catalog_database=options["catalog_database"],
            catalog_table=options["catalog_table"],
            lake_bucket=options["lake_bucket"],
            max_rejected_share=_share(options["max_rejected_share"]),
            row_rules=options["row_rules"],
        )


def parse_window(start: str, end: str) -> Window:
    """Return the window between two ISO days.

    Raises:
        CurationError: A day is not an ISO day, or the window is empty.
    """
    try:
        window = Window(dt.date.fromisoformat(start), dt.date.fromisoformat(end))
    except ValueError as error:
        raise CurationError(f"the window needs ISO days, not {start!r} and {end!r}") from error
    if window.start >= window.end:
        raise CurationError(f"the window [{start}, {end}) is empty")
    return window


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError as error:
        raise CurationError(f"max_rejected_share is not a number: {text!r}") from error
    if not 0 <= share <= 1:
        raise CurationError(f"max_rejected_share must lie between 0 and 1: {text}")
    return share


def _midnight_ms(day: dt.date) -> int:
    return int(dt.datetime.combine(day, dt.time(), dt.UTC).timestamp()) * 1000
