"""Publishing an audited version: the COPY manifest, the catalog partitions and, last, the curation report."""

from __future__ import annotations

import datetime as dt
import itertools
import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from crypto_prices_etl.errors import CurationError

if TYPE_CHECKING:
    from mypy_boto3_glue import GlueClient
    from mypy_boto3_glue.type_defs import BatchUpdatePartitionRequestEntryTypeDef, PartitionInputTypeDef
    from mypy_boto3_s3 import S3Client

    from crypto_prices_etl.accounting import Counts
    from crypto_prices_etl.arguments import CurationArguments
    from crypto_prices_etl.carry_over import CarriedOver
    from crypto_prices_etl.lake_files import DataFile, RunPaths

T = TypeVar("T")

logger = logging.getLogger(__name__)

# Limits of BatchCreatePartition/BatchUpdatePartition and of BatchDeletePartition in the Glue API reference.
_CREATE_AT_ONCE = 100
_DELETE_AT_ONCE = 25


def audit(rows_by_day: Mapping[dt.date, int], files: Mapping[dt.date, Sequence[DataFile]]) -> None:
    """Check that S3 holds files for exactly the days that have rows.

    Raises:
        CurationError: A day's files are missing or empty, or a day without rows has files.
    """
    for day, written in files.items():
        rows = rows_by_day.get(day, 0)
        if bool(rows) != bool(written) or any(f.content_length == 0 for f in written):
            held = [f"{f.uri} ({f.content_length} bytes)" for f in written]
            raise CurationError(f"{rows} rows were written for {day}, S3 holds {held}. Nothing was published")


def copy_manifest(files: Iterable[DataFile]) -> dict[str, Any]:
    """Return the manifest for Redshift's COPY … FORMAT AS PARQUET MANIFEST.

    ``mandatory`` defaults to false, which would let COPY skip a lost file; Parquet needs ``content_length``.
    https://docs.aws.amazon.com/redshift/latest/dg/loading-data-files-using-manifest.html
    """
    return {
        "entries": [
            {"url": f.uri, "mandatory": True, "meta": {"content_length": f.content_length}}
            for f in sorted(files, key=lambda f: f.uri)
        ]
    }


def publish_partitions(
    glue: GlueClient,
    arguments: CurationArguments,
    paths: RunPaths,
    rows_by_day: Mapping[dt.date, int],
    carried: CarriedOver,
    asked: frozenset[str],
) -> None:
    """Point the catalog's partitions of the window's days at this version.

    A day that has rows is created, or its location switched if it is there. A day that has none any more loses its
    partition: it would show rows that the newest load of the window does not have. Safe to run again.

    Args:
        glue: A Glue client.
        arguments: What is published, and where.
        paths: The run's places.
        rows_by_day: The run's own rows of each day.
        carried: What was carried over into the version.
        asked: The markets that the run replaces.

    Raises:
        CurationError: The catalog refused a partition; the message names it.
    """
    place = {"DatabaseName": arguments.catalog_database, "TableName": arguments.catalog_table}
    table = glue.get_table(DatabaseName=arguments.catalog_database, Name=arguments.catalog_table)["Table"]
    days = [day for day in arguments.window.days() if rows_by_day.get(day) or carried.rows_by_day.get(day)]
    wanted = [
        _partition_input(
            table["StorageDescriptor"],
            day,
            arguments,
            paths,
            rows=rows_by_day.get(day, 0) + carried.rows_by_day.get(day, 0),
            markets=asked | carried.markets_by_day.get(day, frozenset()),
        )
        for day in days
    ]
    for chunk in _chunks(wanted, _CREATE_AT_ONCE):
        created = glue.batch_create_partition(**place, PartitionInputList=chunk)
        there = _failed(created.get("Errors", []), "PartitionValues", "AlreadyExistsException")
        switched = [p for p in chunk if tuple(p["Values"]) in there]
        if switched:
            entries: list[BatchUpdatePartitionRequestEntryTypeDef] = [
                {"PartitionValueList": p["Values"], "PartitionInput": p} for p in switched
            ]
            updated = glue.batch_update_partition(**place, Entries=entries)
            _failed(updated.get("Errors", []), "PartitionValueList", None)
        logger.info(
            "published %d partitions of %s, %d of them switched", len(chunk), arguments.catalog_table, len(switched)
        )
    gone = [_values(day) for day in arguments.window.days() if day not in days]
    for stale in _chunks(gone, _DELETE_AT_ONCE):
        deleted = glue.batch_delete_partition(**place, PartitionsToDelete=[{"Values": v} for v in stale])
        absent = _failed(deleted.get("Errors", []), "PartitionValues", "EntityNotFoundException")
        removed = ["-".join(v) for v in stale if tuple(v) not in absent]
        if removed:
            logger.warning("removed the partitions of days that have no rows any more: %s", ", ".join(removed))


def curation_report(
    arguments: CurationArguments, paths: RunPaths, counts: Counts, carried: CarriedOver
) -> dict[str, Any]:
    """Return the report on which the rest of the pipeline relies."""
    return {
        "report_version": 1,
        "batch_id": arguments.batch_id,
        "job_run_id": arguments.job_run_id,
        "window": arguments.window.as_json(),
        "raw_manifests": list(arguments.raw_manifests),
        "sources": {
            source: {
                "fetched": found.fetched,
                "curated": found.curated,
                "quarantined": dict(found.quarantined),
                "duplicates": found.duplicates,
            }
            for source, found in sorted(counts.sources.items())
        },
        "totals": {
            "fetched": counts.fetched,
            "curated": counts.curated,
            "quarantined": counts.rejected,
            "duplicates": counts.duplicates,
        },
        "partitions": [
            {"values": _values(day), "location": paths.uri(paths.day_prefix(day)), "rows": rows}
            for day, rows in sorted(counts.rows_by_day.items())
        ],
        # Rows of markets that the run was not asked for: in the published days, not in the counts above.
        "carried_over": sum(carried.rows_by_day.values()),
        "copy_manifest": paths.uri(paths.copy_manifest_key) if counts.curated else None,
        "quarantine": paths.uri(paths.quarantine_prefix) if counts.rejected else None,
    }


def put_json(s3: S3Client, bucket: str, key: str, content: Mapping[str, Any]) -> None:
    """Write a JSON object to S3 in one put."""
    body = json.dumps(content, indent=1).encode()
    s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType="application/json")


def _values(day: dt.date) -> list[str]:
    return [f"{day:%Y}", f"{day:%m}", f"{day:%d}"]


def _partition_input(
    descriptor: Mapping[str, Any],
    day: dt.date,
    arguments: CurationArguments,
    paths: RunPaths,
    *,
    rows: int,
    markets: frozenset[str],
) -> PartitionInputTypeDef:
    return {
        "Values": _values(day),
        "StorageDescriptor": {**descriptor, "Location": paths.uri(paths.day_prefix(day))},  # type: ignore[typeddict-item]
        "Parameters": {
            "rows": str(rows),
            "batch_id": arguments.batch_id,
            "job_run_id": arguments.job_run_id,
            "markets": ",".join(sorted(markets)),
        },
    }


def _failed(errors: Iterable[Mapping[str, Any]], values_key: str, tolerated: str | None) -> set[tuple[str, ...]]:
    """Return the partitions that a batch call refused with the tolerated code; any other code fails the run."""
    refused: set[tuple[str, ...]] = set()
    for error in errors:
        detail = error.get("ErrorDetail", {})
        if detail.get("ErrorCode") != tolerated:
            raise CurationError(f"the catalog refused the partition {'-'.join(error[values_key])}: {detail}")
        refused.add(tuple(error[values_key]))
    return refused


def _chunks(items: Sequence[T], size: int) -> Iterable[list[T]]:
    iterator = iter(items)
    return iter(lambda: list(itertools.islice(iterator, size)), [])
