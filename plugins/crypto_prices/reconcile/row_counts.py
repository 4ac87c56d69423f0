"""The check that all steps of a load count the same records."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from crypto_prices_contract.curation_report import CurationReport
from tabulate import tabulate  # type: ignore[import-untyped]

from crypto_prices.counted import counted


class ReconciliationError(ValueError):
    """The counts of two steps differ. The message names the source, the steps and the counts."""


@dataclass(frozen=True)
class LoadedCounts:
    """The warehouse's counts of one source of a batch, mostly from ``crypto.etl_metadata``.

    Attributes:
        source: Name of the source.
        rows_staged: Rows that COPY loaded into the staging table.
        rows_merged: Rows of the batch in the fact table after the merge.
        rows_in_window: Rows of the batch's markets and window in the fact table after the merge, of any batch.
        rows_removed: Rows of earlier loads that this one removed.
        rows_owned: Rows that the batch merged and that no later load has replaced.
        rows_now: Rows of the batch that are in the fact table now.
    """

    source: str
    rows_staged: int | None
    rows_merged: int | None
    rows_in_window: int | None
    rows_removed: int | None
    rows_owned: int | None
    rows_now: int | None


def check_load(report: CurationReport, loaded: list[LoadedCounts]) -> None:
    """Check for each source that curated = staged = merged = rows in the window, and that its rows still exist.

    Raises:
        ReconciliationError: A source has no counts or several rows of counts, counts differ, or the fact table does not
            have the rows that the load owns.
    """
    by_source = {counts.source: counts for counts in loaded}
    problems = [
        f"{source}: crypto.etl_metadata has {rows} rows for batch {report.batch_id}"
        for source, rows in Counter(counts.source for counts in loaded).items()
        if rows > 1
    ]
    for source, curated in sorted(report.sources.items()):
        counts = by_source.get(source)
        if counts is None:
            problems.append(f"{source}: crypto.etl_metadata has no row for batch {report.batch_id}")
            continue
        figures = {
            "curated": curated.curated,
            "staged": counts.rows_staged,
            "merged": counts.rows_merged,
            "in the window": counts.rows_in_window,
        }
        if set(figures.values()) != {curated.curated}:
            problems.append(f"{source}: " + ", ".join(f"{value} {step}" for step, value in figures.items()))
        elif counts.rows_now != counts.rows_owned:
            problems.append(
                f"{source}: {counts.rows_owned} rows belong to this load, but the fact table has {counts.rows_now}: "
                "rows were deleted or added by hand, so clear merge_into_fact with its downstream tasks"
            )
    if problems:
        raise ReconciliationError("the load does not add up: " + "; ".join(problems))


def verdict(report: CurationReport, loaded: list[LoadedCounts]) -> str:
    """Return one line about a load that ``check_load`` has accepted, for the end of the log."""
    fetched = sum(counts.fetched for counts in report.sources.values())
    quarantined = sum(counts.quarantined_total for counts in report.sources.values())
    duplicates = sum(counts.duplicates for counts in report.sources.values())
    merged = sum(counts.rows_merged or 0 for counts in loaded)
    return (
        f"The load adds up: of {counted(fetched, 'fetched record')} of {', '.join(sorted(report.sources))}, {merged} "
        f"are in the warehouse, {quarantined} in quarantine and {counted(duplicates, 'duplicate')}. The catalog shows "
        "this load or a later one."
    )


def accounting_table(report: CurationReport, loaded: list[LoadedCounts]) -> str:
    """Return the row accounting as a text table, one line per source, followed by one line per quarantine reason."""
    by_source = {counts.source: counts for counts in loaded}
    lines = []
    for source, counts in sorted(report.sources.items()):
        warehouse = by_source.get(source, LoadedCounts(source, None, None, None, None, None, None))
        lines.append(
            {
                "source": source,
                "fetched": counts.fetched,
                "curated": counts.curated,
                "quarantined": counts.quarantined_total,
                "duplicates": counts.duplicates,
                "staged": warehouse.rows_staged,
                "merged": warehouse.rows_merged,
                "in window": warehouse.rows_in_window,
                "removed": warehouse.rows_removed,
                "now": warehouse.rows_now,
            }
        )
    reasons = [
        f"{source}: {count} quarantined for {reason}"
        for source, counts in sorted(report.sources.items())
        for reason, count in sorted(counts.quarantined.items())
    ]
    return "\n".join([tabulate(lines, headers="keys", missingval="?"), *reasons])
