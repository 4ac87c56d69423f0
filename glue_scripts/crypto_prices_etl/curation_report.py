"""What a run leaves for the tasks after it: the COPY manifest and, last, the curation report."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from crypto_prices_etl.accounting import Counts, RuleResult
    from crypto_prices_etl.arguments import CurationArguments
    from crypto_prices_etl.carry_over import CarriedOver
    from crypto_prices_etl.lake_files import DataFile, RunPaths
    from crypto_prices_etl.quarantined_candles import QuarantinedCandles


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


def quality_report(arguments: CurationArguments, results: Iterable[RuleResult]) -> dict[str, Any]:
    """Return what every rule found in the records of every source."""
    return {
        "batch_id": arguments.batch_id,
        "job_run_id": arguments.job_run_id,
        "window": arguments.window.as_json(),
        "rules": [
            {
                "source": result.source,
                "rule": result.rule,
                "action": result.action.value,
                "checked": result.checked,
                "broken": result.broken,
            }
            for result in results
        ],
    }


def curation_report(
    arguments: CurationArguments,
    paths: RunPaths,
    counts: Counts,
    carried: CarriedOver,
    asked: frozenset[str],
    *,
    rules: Iterable[Mapping[str, Any]],
    quarantined: Iterable[QuarantinedCandles],
) -> dict[str, Any]:
    """Return the report on which the rest of the pipeline relies.

    Args:
        arguments: What was curated.
        paths: The run's places.
        counts: What became of the records.
        carried: What was carried over into the version.
        asked: The markets that the run replaces.
        rules: The rules of the quality report.
        quarantined: The candles that are missing because they were quarantined.
    """
    return {
        "report_version": 3,
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
            {
                "values": [f"{day:%Y}", f"{day:%m}", f"{day:%d}"],
                "location": paths.uri(paths.day_prefix(day)),
                "rows": counts.rows_by_day.get(day, 0),
                # Rows of markets that the run was not asked for: in the day's files, not in the counts above.
                "carried_over": carried.rows_by_day.get(day, 0),
                "markets": dict(
                    sorted(
                        (dict.fromkeys(asked, arguments.job_run_id) | dict(carried.markets_by_day.get(day, {}))).items()
                    )
                ),
            }
            for day in _days_to_report(arguments, counts, carried)
        ],
        "copy_manifest": paths.uri(paths.copy_manifest_key) if counts.curated else None,
        "quarantine": paths.uri(paths.quarantine_prefix) if counts.rejected else None,
        "quality_rules": list(rules),
        "quarantined_candles": [candles.as_json() for candles in quarantined],
    }


def _days_to_report(arguments: CurationArguments, counts: Counts, carried: CarriedOver) -> list[dt.date]:
    """Return the days that have rows, or keep markets that have none."""
    return [
        day
        for day in arguments.window.days()
        if counts.rows_by_day.get(day) or carried.rows_by_day.get(day) or carried.markets_by_day.get(day)
    ]


def put_json(s3: S3Client, bucket: str, key: str, content: Mapping[str, Any]) -> None:
    """Write a JSON object to S3 in one put."""
    body = json.dumps(content, indent=1).encode()
    s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType="application/json")
