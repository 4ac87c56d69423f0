"""The curation report's parser, and the checks that a report must pass before it is loaded."""

from __future__ import annotations

import json
from typing import Any

from crypto_prices_contract.curation_report import REPORT_VERSION, CurationReport
from crypto_prices_contract.load_record import Counts
from pydantic import TypeAdapter, ValidationError

from crypto_prices.xcom.batch import Batch
from crypto_prices.xcom.parse_result import problems_text
from crypto_prices.xcom.replay import Replay

_REPORT = TypeAdapter(CurationReport)


class CurationReportError(ValueError):
    """The report is malformed, belongs to another batch, or does not add up. The message gives the reason."""


def parse_report(document: Any) -> CurationReport:
    """Return the report in a JSON document.

    Args:
        document: The parsed JSON. A value of a wrong type is rejected, never converted.

    Raises:
        CurationReportError: The version is unknown, or keys are missing or wrong. The message names all of them.
    """
    version = document.get("report_version") if isinstance(document, dict) else None
    if version != REPORT_VERSION:
        raise CurationReportError(
            f"the curation report has version {version!r}, but this code reads {REPORT_VERSION}: the Glue script and "
            "the bundle were not deployed together. Deploy both"
        )
    try:
        return _REPORT.validate_json(json.dumps(document), strict=True)
    except ValidationError as error:
        raise CurationReportError(f"the curation report is malformed: {problems_text(error)}") from None


def check_report(report: CurationReport, batch: Batch) -> None:
    """Check that a report belongs to the batch and that the Glue job lost no record.

    Raises:
        CurationReportError: The report belongs to another batch or another fetch. Or for a source, the number of
            records read differs from the raw manifest, or is not curated + quarantined + duplicates. Or no source is
            left to load. Or a replay does not have the counts of its load.
    """
    problems = []
    if not batch.is_attempt(report.batch_id):
        problems.append(f"it belongs to batch {report.batch_id}, this run's batch is {batch.batch_id}")
    fetched = {source.raw_manifest for source in batch.sources}
    if set(report.raw_manifests) != fetched:
        problems.append(
            f"it covers {', '.join(sorted(report.raw_manifests))}, but the run planned {', '.join(sorted(fetched))}: "
            "clear curate_prices with its downstream tasks"
        )
    refused = {source.source for source in report.refused}
    landed = {fetched.source: fetched.records for fetched in batch.sources if fetched.source not in refused}
    if set(landed) != set(report.sources):
        problems.append(f"it has the sources {sorted(report.sources)}, but the run fetched {sorted(landed)}")
    for source, counts in sorted(report.sources.items()):
        if source in landed and counts.fetched != landed[source]:
            problems.append(f"{source}: it counts {counts.fetched} records, but the raw manifest has {landed[source]}")
        accounted = counts.curated + counts.quarantined_total + counts.duplicates
        if accounted != counts.fetched:
            problems.append(
                f"{source}: {counts.fetched} fetched, but {counts.curated} curated + {counts.quarantined_total} "
                f"quarantined + {counts.duplicates} duplicates = {accounted}"
            )
    if batch.replay is not None:
        problems += _differences(report, batch.replay)
    if not report.sources:
        problems.append("all sources were refused, so there is nothing to load")
    if problems:
        raise CurationReportError(f"the curation report of Glue run {report.job_run_id}: " + "; ".join(problems))


def other_code(report: CurationReport, batch: Batch) -> str | None:
    """Return a warning if a load is replayed by another Glue package than the one that made it.

    Equal counts do not prove equal values, and nothing else of the original values is recorded.
    """
    replay = batch.replay
    if replay is None or replay.code.glue == report.code_digest:
        return None
    return (
        f"the Glue package has the digest {report.code_digest}, but load {replay.load_number} was made with "
        f"{replay.code.glue}: its values can differ although all counts are equal. To rule that out, deploy that "
        "version and start the rebuild again"
    )


def _differences(report: CurationReport, replay: Replay) -> list[str]:
    """Return how a report differs from the load that is replayed. Other code can curate responses differently."""
    problems = [f"{refusal.source}: {refusal.code} {refusal.problem}" for refusal in report.refused]
    for source, then in sorted(replay.counts.items()):
        counts = report.sources.get(source)
        now = counts and Counts(counts.fetched, counts.curated, counts.quarantined_total, counts.duplicates)
        if now != then:
            problems.append(f"{source}: load {replay.load_number} had {then}, but its replay has {now}")
    if problems and report.code_digest != replay.code.glue:
        problems.append(
            f"the Glue package has the digest {report.code_digest}, but load {replay.load_number} was made with "
            f"{replay.code.glue}: deploy that version to replay it"
        )
    return problems
