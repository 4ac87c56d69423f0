"""Reconciliation: does every step of a load count the same records? Pure; the operator asks the warehouse."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from crypto_prices.curation_report import CurationReport


class ReconciliationError(ValueError):
    """Two steps count differently; the message names the source, the steps and the figures."""


@dataclass(frozen=True)
class LoadedCounts:
    """What the warehouse says of one source of a batch (the row of ``crypto.etl_metadata``).

    Attributes:
        source: Name of the source.
        rows_staged: Rows that COPY left in the staging table.
        rows_merged: Rows of the batch in the fact table.
        rows_in_window: Rows of the batch's markets and window in the fact table, whichever batch they are of.
        rows_removed: Rows of an earlier load that this one took away.
    """

    source: str
    rows_staged: int | None
    rows_merged: int | None
    rows_in_window: int | None
    rows_removed: int | None


def check_load(report: CurationReport, loaded: list[LoadedCounts]) -> None:
    """Check curated = staged = merged = rows in the window, per source.

    Raises:
        ReconciliationError: A source has no figures, or figures differ.
    """
    by_source = {counts.source: counts for counts in loaded}
    problems = []
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
    if problems:
        raise ReconciliationError("the load does not add up: " + "; ".join(problems))


def check_published(report: CurationReport, published: Mapping[str, str]) -> None:
    """Check that each day with rows can be read through the catalog.

    Args:
        report: What the Glue run says it published.
        published: Glue job run ids by ISO day, as the catalog has them.

    Raises:
        ReconciliationError: A day has no partition; the message names it.
    """
    missing = [day for day in report.days if day not in published]
    if missing:
        raise ReconciliationError(
            f"the catalog has no partition of {', '.join(missing)}, which Glue run {report.job_run_id} published: "
            "clear curate_prices with its downstream tasks"
        )


def accounting_table(report: CurationReport, loaded: list[LoadedCounts]) -> str:
    """Return the row accounting as a text table, one line per source."""
    header = ("source", "fetched", "curated", "quarantined", "duplicates", "staged", "merged", "in window", "removed")
    lines: list[tuple[str, ...]] = [header]
    by_source = {counts.source: counts for counts in loaded}
    for source, counts in sorted(report.sources.items()):
        warehouse = by_source.get(source, LoadedCounts(source, None, None, None, None))
        figures = (counts.fetched, counts.curated, counts.quarantined_total, counts.duplicates)
        asked = (warehouse.rows_staged, warehouse.rows_merged, warehouse.rows_in_window, warehouse.rows_removed)
        lines.append((source, *map(str, figures), *("?" if figure is None else str(figure) for figure in asked)))
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    table = "\n".join(
        "  ".join(cell.ljust(width) if not column else cell.rjust(width) for column, (cell, width) in enumerate(row))
        for row in (list(zip(line, widths, strict=True)) for line in lines)
    )
    reasons = [
        f"  {source}: {count} quarantined for {reason}"
        for source, counts in sorted(report.sources.items())
        for reason, count in sorted(counts.quarantined.items())
    ]
    return "\n".join([table, *reasons])
