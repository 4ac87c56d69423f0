"""The curation report: what the Glue job says it did with a batch, and the checks it has to pass before loading."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from crypto_prices.xcom.batch import Batch

REPORT_VERSION = 3


class CurationReportError(ValueError):
    """The report does not belong to the batch or does not add up; the message says which figure."""


@dataclass(frozen=True)
class SourceCounts:
    """Records of one source: fetched = curated + quarantined + duplicates."""

    fetched: int
    curated: int
    quarantined: dict[str, int]
    duplicates: int

    @property
    def quarantined_total(self) -> int:
        """Number of quarantined records, whatever the reason."""
        return sum(self.quarantined.values())


@dataclass(frozen=True)
class DayVersion:
    """One day of the version that a Glue run wrote.

    Attributes:
        location: S3 URI of its files.
        rows: Its curated rows, and those of other markets that were carried over.
        markets: All markets in it, ``source/candle_interval/symbol/quote_currency``, each with its origin: the Glue run
            that curated it.
    """

    location: str
    rows: int
    markets: dict[str, str]


@dataclass(frozen=True)
class RowRuleResult:
    """What a rule for records found in the records of a source (see ``quality_rules.ROW_RULES``)."""

    source: str
    rule: str
    action: str
    checked: int
    broken: int


@dataclass(frozen=True)
class QuarantinedCandles:
    """Candles in a row of one market that are missing because they were quarantined; ``observed_at`` is the first."""

    source: str
    candle_interval: str
    symbol: str
    quote_currency: str
    observed_at: str
    candles: int


@dataclass(frozen=True)
class CurationReport:
    """What one Glue run made of one batch.

    Attributes:
        batch_id: The attempt at the batch, and what the rows carry (see ``Batch.attempt_id``).
        job_run_id: The Glue run.
        raw_manifests: URIs of the raw manifests that it read.
        sources: Counts of each source.
        copy_manifest: URI of Redshift's COPY manifest; None when no record was curated.
        quarantine: URI prefix of the rejected records; None when there are none.
        days: The days (ISO) of the version that have rows, or keep markets that have none.
        row_rules: What each rule for records found.
        quarantined_candles: Candles that are missing because they were quarantined.
    """

    batch_id: str
    job_run_id: str
    raw_manifests: tuple[str, ...]
    sources: dict[str, SourceCounts]
    copy_manifest: str | None
    quarantine: str | None
    days: dict[str, DayVersion]
    row_rules: tuple[RowRuleResult, ...] = ()
    quarantined_candles: tuple[QuarantinedCandles, ...] = ()

    @property
    def curated(self) -> int:
        """Number of curated records of all sources."""
        return sum(counts.curated for counts in self.sources.values())

    @classmethod
    def parse(cls, document: dict[str, Any]) -> CurationReport:
        """Return the report of a JSON document.

        Raises:
            CurationReportError: It is of another version, or a key is missing.
        """
        if document.get("report_version") != REPORT_VERSION:
            raise CurationReportError(
                f"the curation report is of version {document.get('report_version')!r}, this code reads "
                f"{REPORT_VERSION}: the Glue script and the bundle were not deployed together"
            )
        try:
            return cls(
                batch_id=document["batch_id"],
                job_run_id=document["job_run_id"],
                raw_manifests=tuple(document["raw_manifests"]),
                sources={
                    source: SourceCounts(
                        fetched=counts["fetched"],
                        curated=counts["curated"],
                        quarantined=counts["quarantined"],
                        duplicates=counts["duplicates"],
                    )
                    for source, counts in document["sources"].items()
                },
                copy_manifest=document["copy_manifest"],
                quarantine=document["quarantine"],
                days={
                    "-".join(partition["values"]): DayVersion(
                        location=partition["location"],
                        rows=partition["rows"] + partition["carried_over"],
                        markets=dict(partition["markets"]),
                    )
                    for partition in document["partitions"]
                },
                row_rules=tuple(RowRuleResult(**result) for result in document["quality_rules"]),
                quarantined_candles=tuple(QuarantinedCandles(**found) for found in document["quarantined_candles"]),
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise CurationReportError(f"the curation report lacks {error}") from None


def check_report(report: CurationReport, batch: Batch) -> None:
    """Check that a report is the batch's own and that no record was lost on the way through the Glue job.

    Raises:
        CurationReportError: It is another batch's or of another fetch, or for a source fetched differs from what was
            landed, or fetched is not curated + quarantined + duplicates, or there is nothing to load.
    """
    problems = []
    if not batch.is_attempt(report.batch_id):
        problems.append(f"it is of batch {report.batch_id}, this run's is {batch.batch_id}")
    fetched = {source.raw_manifest for source in batch.sources}
    if set(report.raw_manifests) != fetched:
        problems.append(
            f"it read {', '.join(sorted(report.raw_manifests))}, but the run has planned {', '.join(sorted(fetched))}: "
            "clear curate_prices with its downstream tasks"
        )
    landed = {fetched.source: fetched.records for fetched in batch.sources}
    if set(landed) != set(report.sources):
        problems.append(f"it has the sources {sorted(report.sources)}, landed were {sorted(landed)}")
    for source, counts in sorted(report.sources.items()):
        if source in landed and counts.fetched != landed[source]:
            problems.append(f"{source}: it read {counts.fetched} records, the raw manifest has {landed[source]}")
        accounted = counts.curated + counts.quarantined_total + counts.duplicates
        if accounted != counts.fetched:
            problems.append(
                f"{source}: {counts.fetched} fetched, but {counts.curated} curated + {counts.quarantined_total} "
                f"quarantined + {counts.duplicates} duplicates = {accounted}"
            )
    if report.curated == 0 or report.copy_manifest is None:
        problems.append("no record was curated, so there is nothing to load")
    if problems:
        raise CurationReportError(f"the curation report of Glue run {report.job_run_id}: " + "; ".join(problems))
