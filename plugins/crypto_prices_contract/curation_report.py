"""The curation report: the results of one Glue run for one batch. The Glue job writes it last, and Airflow reads it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from crypto_prices_contract.row_rules import Action
from crypto_prices_contract.stored_objects import CuratedFile, StoredDocument
from crypto_prices_contract.window import Window

REPORT_VERSION = 4


@dataclass(frozen=True)
class SourceCounts:
    """Records of one source. fetched = curated + quarantined + duplicates.

    Attributes:
        fetched: Number of records in the raw manifest, without the surplus.
        curated: Number of rows in the curated version.
        quarantined: Number of rejected records by reason.
        duplicates: Number of records that repeat another one.
    """

    fetched: int
    curated: int
    quarantined: dict[str, int]
    duplicates: int

    @property
    def quarantined_total(self) -> int:
        """Number of quarantined records with any reason."""
        return sum(self.quarantined.values())


@dataclass(frozen=True)
class DayVersion:
    """One day of the version that a Glue run wrote.

    Attributes:
        location: S3 URI of the day's files.
        curated: Number of rows that the run curated.
        carried_over: Number of rows of other markets, copied from the previously published version.
        markets: All market keys in it (see ``markets.market_key``), each with its origin: the Glue run that curated it.
    """

    location: str
    curated: int
    carried_over: int
    markets: dict[str, str]

    @property
    def rows(self) -> int:
        """Number of rows in the day's files."""
        return self.curated + self.carried_over


@dataclass(frozen=True)
class RowRuleResult:
    """The result of one rule for the records of one source (see ``row_rules.ROW_RULES``).

    Attributes:
        source: Name of the source.
        rule: Name of the rule.
        action: What happens to a record that breaks it.
        checked: Number of records.
        broken: Number of records that break this rule, but no rule that is applied before it.
    """

    source: str
    rule: str
    action: Action
    checked: int
    broken: int


@dataclass(frozen=True, order=True)
class QuarantinedCandles:
    """Consecutive candles that are missing in some markets because they were quarantined.

    Attributes:
        source: Name of the source.
        candle_interval: Length of a candle.
        observed_at: Open time of the first candle, UTC, such as ``2023-12-18 05:00:00``.
        candles: Number of candles.
        markets: Canonical names of the markets, such as ``BTC/USDT``, in order. No name stands for all markets.
    """

    source: str
    candle_interval: str
    observed_at: str
    candles: int
    markets: tuple[str, ...]


@dataclass(frozen=True, order=True)
class RefusedSource:
    """A source whose records are not loaded, although other sources of the batch are.

    Attributes:
        source: Name of the source.
        code: The error code of the reason, see ``error_codes``.
        problem: What is wrong, where, and what to do.
    """

    source: str
    code: str
    problem: str


@dataclass(frozen=True)
class CurationReport:
    """The results of one Glue run for one batch.

    Attributes:
        report_version: ``REPORT_VERSION`` of the code that wrote it.
        batch_id: The attempt at the batch, which is in each row.
        job_run_id: The Glue run.
        code_digest: The digest of the Glue job's package (see ``code_digest.code_digest``).
        window: The curated window.
        raw_manifests: URIs of the raw manifests that it read.
        sources: Counts by source, without the refused sources.
        refused: The sources that must not be loaded. The version has none of their records.
        copy_manifest: Redshift's COPY manifest. It has no entries if no record was curated.
        curated_files: The files that the COPY manifest lists.
        quarantine: URI prefix of the rejected records; None when there are none.
        days: The ISO days of the version that have rows, or that keep markets without rows.
        row_rules: The results of the rules for records.
        quarantined_candles: Candles that are missing because they were quarantined.
    """

    report_version: int
    batch_id: str
    job_run_id: str
    code_digest: str
    window: Window
    raw_manifests: tuple[str, ...]
    sources: dict[str, SourceCounts]
    refused: tuple[RefusedSource, ...]
    copy_manifest: StoredDocument
    curated_files: tuple[CuratedFile, ...]
    quarantine: str | None
    days: dict[str, DayVersion]
    row_rules: tuple[RowRuleResult, ...]
    quarantined_candles: tuple[QuarantinedCandles, ...]

    @property
    def curated(self) -> int:
        """Number of curated records of all sources."""
        return sum(counts.curated for counts in self.sources.values())

    def to_json(self) -> dict[str, Any]:
        """Return the report as a JSON document."""
        return asdict(self) | {"window": self.window.as_json()}
