"""The documents that a run writes for later tasks: the COPY manifest and, last, the curation report."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from importlib import resources
from typing import TYPE_CHECKING, Any

from crypto_prices_contract.code_digest import code_digest, code_files
from crypto_prices_contract.curation_report import REPORT_VERSION, CurationReport, DayVersion
from crypto_prices_contract.s3_keys import s3_uri
from crypto_prices_contract.stored_objects import CuratedFile, StoredDocument, stored_document

if TYPE_CHECKING:
    from crypto_prices_contract.curation_report import QuarantinedCandles, RefusedSource, RowRuleResult
    from mypy_boto3_s3 import S3Client

    from crypto_prices_etl.accounting import Counts
    from crypto_prices_etl.arguments import CurationArguments
    from crypto_prices_etl.carry_over import CarriedOver
    from crypto_prices_etl.lake_files import DataFile, RunPaths


def copy_manifest(files: Iterable[DataFile]) -> dict[str, Any]:
    """Return the manifest for Redshift's COPY … FORMAT AS PARQUET MANIFEST.

    ``mandatory`` defaults to false, which would let COPY skip a missing file. Parquet requires ``content_length``.
    https://docs.aws.amazon.com/redshift/latest/dg/loading-data-files-using-manifest.html
    """
    return {
        "entries": [
            {"url": f.uri, "mandatory": True, "meta": {"content_length": f.content_length}}
            for f in sorted(files, key=lambda f: f.uri)
        ]
    }


def quality_report(arguments: CurationArguments, results: Iterable[RowRuleResult]) -> dict[str, Any]:
    """Return the report of the rules' results."""
    return {
        "batch_id": arguments.batch_id,
        "job_run_id": arguments.job_run_id,
        "window": arguments.window.as_json(),
        "rules": [asdict(result) for result in results],
    }


def curation_report(
    arguments: CurationArguments,
    paths: RunPaths,
    counts: Counts,
    carried: CarriedOver,
    asked: frozenset[str],
    *,
    manifest: StoredDocument,
    files: tuple[CuratedFile, ...],
    rules: Iterable[RowRuleResult],
    quarantined: Iterable[QuarantinedCandles],
    refused: Iterable[RefusedSource],
) -> CurationReport:
    """Return the curation report, which the rest of the pipeline relies on.

    Args:
        arguments: The arguments of the run.
        paths: The run's S3 locations.
        counts: The outcomes of all records.
        carried: The rows and markets that were carried over.
        asked: The markets that the run replaces.
        manifest: The COPY manifest.
        files: The files that it lists.
        rules: The results of the rules for records.
        quarantined: The candles that are missing because they were quarantined.
        refused: The sources that must not be loaded.
    """
    own = dict.fromkeys(asked, arguments.job_run_id)
    return CurationReport(
        report_version=REPORT_VERSION,
        batch_id=arguments.batch_id,
        job_run_id=arguments.job_run_id,
        code_digest=_own_digest(),
        window=arguments.window,
        raw_manifests=arguments.raw_manifests,
        sources=dict(sorted(counts.sources.items())),
        refused=tuple(refused),
        copy_manifest=manifest,
        curated_files=files,
        quarantine=paths.uri(paths.quarantine_prefix) if counts.rejected else None,
        days={
            day.isoformat(): DayVersion(
                location=paths.uri(paths.day_prefix(day)),
                curated=counts.rows_by_day.get(day, 0),
                carried_over=carried.rows_by_day.get(day, 0),
                markets=dict(sorted((own | dict(carried.markets_by_day.get(day, {}))).items())),
            )
            for day in _days_to_report(arguments, counts, carried)
        },
        row_rules=tuple(rules),
        quarantined_candles=tuple(quarantined),
    )


def _own_digest() -> str:
    """Return the digest of the job's packages, which Glue imports from a zip."""
    packages = [code_files(resources.files(name)) for name in ("crypto_prices_contract", "crypto_prices_etl")]
    return code_digest(packages[0] | packages[1])


def _days_to_report(arguments: CurationArguments, counts: Counts, carried: CarriedOver) -> list[dt.date]:
    """Return the days that have rows, or that keep markets without rows."""
    return [
        day
        for day in arguments.window.days()
        if counts.rows_by_day.get(day) or carried.rows_by_day.get(day) or carried.markets_by_day.get(day)
    ]


def put_json(s3: S3Client, bucket: str, key: str, content: Mapping[str, Any]) -> StoredDocument:
    """Write a JSON object to S3 in one put, and return it."""
    body = json.dumps(content, indent=1).encode()
    answer = s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType="application/json")
    return stored_document(s3_uri(bucket, key), answer, body)
