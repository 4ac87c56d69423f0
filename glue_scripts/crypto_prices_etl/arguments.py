"""The arguments of one job run: the manifests to curate, the window and the location of the catalog."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from crypto_prices_contract.job_arguments import JobArguments, sources_from_text
from crypto_prices_contract.window import Window, WindowError

from crypto_prices_etl.errors import CurationError
from crypto_prices_etl.schemas import CURATED_COLUMNS, Varchar

OPTION_NAMES = ("JOB_NAME", *JobArguments.names())
"""The options to request from ``getResolvedOptions``.

JOB_RUN_ID is not in the list, because it is reserved: requesting it raises, and Glue adds it to every run.
"""


@dataclass(frozen=True)
class CurationArguments:
    """The validated arguments of one job run.

    Attributes:
        job_run_id: Glue's id of the run, which names the version that the run writes.
        raw_manifests: The s3:// URIs of the raw manifests, in the given order.
        window: The days of the manifests. The run may have rows of these days only.
        batch_id: The attempt at the batch. Each row has it.
        catalog_database: The Glue database of the curated table.
        catalog_table: The curated table.
        lake_bucket: The bucket with all zones of the lake.
        max_rejected_share: The largest tolerated quarantined/fetched, from 0 to 1.
        row_rules: The actions of the row rules, as text (see ``quality.RowRules``).
        accepted_sources: The sources that are loaded however many of their records are rejected.
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
    accepted_sources: frozenset[str]

    @classmethod
    def from_options(cls, options: Mapping[str, str]) -> CurationArguments:
        """Read and check the options from ``getResolvedOptions``.

        Raises:
            CurationError: An argument is invalid. The message names it.
        """
        given = JobArguments.from_options(options)
        manifests = tuple(uri.strip() for uri in given.raw_manifests.split(",") if uri.strip())
        if not manifests:
            raise CurationError("raw_manifests is empty")
        if len(set(manifests)) != len(manifests):
            raise CurationError(f"raw_manifests lists a manifest twice: {given.raw_manifests}")
        try:
            window = Window.parse(given.window_start, given.window_end)
        except WindowError as error:
            raise CurationError(f"window_start and window_end: {error}") from error
        job_run_id = options["JOB_RUN_ID"]
        if not re.fullmatch(r"[A-Za-z0-9_-]+", job_run_id):
            raise CurationError(f"JOB_RUN_ID {job_run_id!r} cannot be the name of a folder")
        longest = next(
            c.type.max_bytes for c in CURATED_COLUMNS if c.name == "batch_id" and isinstance(c.type, Varchar)
        )
        if not 0 < len(given.batch_id.encode()) <= longest:
            raise CurationError(f"batch_id {given.batch_id!r} must have 1 to {longest} bytes")
        return cls(
            job_run_id=job_run_id,
            raw_manifests=manifests,
            window=window,
            batch_id=given.batch_id,
            catalog_database=given.catalog_database,
            catalog_table=given.catalog_table,
            lake_bucket=given.lake_bucket,
            max_rejected_share=_share(given.max_rejected_share),
            row_rules=given.row_rules,
            accepted_sources=sources_from_text(given.accepted_sources),
        )


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError as error:
        raise CurationError(f"max_rejected_share {text!r} is not a number") from error
    if not 0 <= share <= 1:
        raise CurationError(f"max_rejected_share {text} must be between 0 and 1")
    return share
