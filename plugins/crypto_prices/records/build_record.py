"""The record of a load, from the warehouse's log and the objects in the lake. No I/O."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from crypto_prices_contract.curation_report import CurationReport
from crypto_prices_contract.load_record import (
    Acceptance,
    Code,
    Counts,
    LoadRecord,
    PreviousRecord,
    RecordedSource,
    Removal,
    record_digest,
)
from crypto_prices_contract.raw_manifest import RawManifest
from crypto_prices_contract.stored_objects import StoredDocument
from crypto_prices_contract.window import Window


@dataclass(frozen=True)
class ReadManifest:
    """A raw manifest in the lake.

    Attributes:
        stored: The object.
        manifest: Its content; None if it is missing, or of a version that this code does not read.
    """

    stored: StoredDocument
    manifest: RawManifest | None


@dataclass(frozen=True)
class Log:
    """What the warehouse knows of a load.

    Attributes:
        rows: Its rows of ``sql/records/find_loads.sql``, at least one.
        markets: The markets of its sets, in order, by the set's name.
        removed: The row of ``sql/records/find_removed_candles.sql``; None for a load.
        interval: Length of a candle, which only a removal needs.
    """

    rows: Sequence[Mapping[str, Any]]
    markets: Mapping[str, Sequence[str]]
    removed: Mapping[str, Any] | None = None
    interval: timedelta = timedelta()


def build_record(
    log: Log,
    manifests: Mapping[str, ReadManifest],
    report: CurationReport | None,
    previous: tuple[int, bytes | None],
) -> LoadRecord:
    """Return the record of a load or a removal.

    Args:
        log: What the warehouse knows of it.
        manifests: The raw manifests of its sources by URI.
        report: The curation report of its Glue run; None for a removal, or if the report is missing or of a version
            that this code does not read.
        previous: Number and bytes of the record before; 0 and None if there is none.
    """
    first = log.rows[0]
    is_removal = first["removed_because"] is not None
    copy_manifest = None if is_removal else StoredDocument(str(first["copy_manifest"]), None, None, None)
    number, content = previous
    return LoadRecord(
        load_number=int(first["load_number"]),
        kind="removal" if is_removal else "load",
        batch_id=str(first["batch_id"]),
        window=Window.parse(str(first["window_start"]), str(first["window_end"])),
        merged_at=instant(str(first["merged_at"])),
        visible_at=instant(str(first["visible_at"])),
        forced=bool(first["forced"]),
        rebuilt_from="manifest" if first["rebuilt_from"] == "manifest" else None,
        dag_id=first["dag_id"],
        run_id=first["run_id"],
        code=None if is_removal else Code(first["dags_digest"], first["plugins_digest"], first["glue_digest"]),
        rules=None if first["rules"] is None else json.loads(first["rules"]),
        glue_job_run_id=first["glue_job_run_id"],
        sources=tuple(_source(row, log, manifests, report) for row in log.rows),
        copy_manifest=copy_manifest if report is None else report.copy_manifest,
        curated=() if report is None else report.curated_files,
        removal=None if log.removed is None else _removal(first, log.removed, log.interval),
        previous=None if content is None else PreviousRecord(number, record_digest(content)),
    )


def _source(
    row: Mapping[str, Any], log: Log, manifests: Mapping[str, ReadManifest], report: CurationReport | None
) -> RecordedSource:
    read = manifests.get(str(row["raw_manifest"]))
    counts = report.sources.get(row["source"]) if report is not None else None
    manifest = read.manifest if read is not None else None
    return RecordedSource(
        source=row["source"],
        candle_interval=row["candle_interval"],
        market_set=row["market_set"],
        markets=tuple(log.markets.get(row["market_set"], ())),
        fetched_at=None if row["fetched_at"] is None else instant(row["fetched_at"]),
        content_hash=row["content_hash"],
        raw_manifest=None if read is None else read.stored,
        objects=() if manifest is None else manifest.stored,
        counts=None
        if counts is None
        else Counts(counts.fetched, counts.curated, counts.quarantined_total, counts.duplicates),
        accepted=None if row["accepted_by"] is None else Acceptance(row["accepted_by"], row["accepted_because"]),
    )


def _removal(row: Mapping[str, Any], removed: Mapping[str, Any], interval: timedelta) -> Removal:
    last = datetime.fromisoformat(str(removed["last_at"]))
    return Removal(
        removed_from=instant(str(removed["first_at"])),
        removed_until=instant(str(last + interval)),
        candles=int(removed["candles"]),
        by=row["removed_by"],
        because=row["removed_because"],
    )


def instant(time: str) -> str:
    """Return a time of the warehouse, such as ``2023-12-19 00:03:41.125``, as ISO 8601 UTC."""
    return f"{time.replace(' ', 'T')}Z"
