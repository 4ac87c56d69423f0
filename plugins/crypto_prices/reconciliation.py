"""Reconciliation: does every step of a load count the same records? Pure; the operator asks the warehouse."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from crypto_prices.curation_report import CurationReport
from crypto_prices.window import Window


class ReconciliationError(ValueError):
    """Two steps count differently; the message names the source, the steps and the figures."""


class CatalogDiffersError(RuntimeError):
    """The catalog shows another version of a day than the warehouse; a run that is on its way may still change that."""


@dataclass(frozen=True)
class NumberedLoad:
    """A load of the warehouse.

    Attributes:
        window: Its days.
        load_number: Its place in the order of all loads.
        glue_job_run_id: The Glue run that curated it.
        source: Name of the source.
        content_hash: SHA-256 over what was asked of the source and what it answered.
    """

    window: Window
    load_number: int
    glue_job_run_id: str
    source: str
    content_hash: str


@dataclass(frozen=True)
class LoadedCounts:
    """What the warehouse says of one source of a batch (the row of ``crypto.etl_metadata``).

    Attributes:
        source: Name of the source.
        rows_staged: Rows that COPY left in the staging table.
        rows_merged: Rows of the batch in the fact table.
        rows_in_window: Rows of the batch's markets and window in the fact table, whichever batch they are of.
        rows_removed: Rows of an earlier load that this one took away.
        rows_owned: Rows that it has merged and that no later load has replaced.
        rows_now: Rows of it that the fact table has today.
    """

    source: str
    rows_staged: int | None
    rows_merged: int | None
    rows_in_window: int | None
    rows_removed: int | None
    rows_owned: int | None
    rows_now: int | None


def check_load(report: CurationReport, loaded: list[LoadedCounts]) -> None:
    """Check curated = staged = merged = rows in the window, and that its rows are still there, per source.

    Raises:
        ReconciliationError: A source has no figures or several, or figures differ, or the fact table does not have the
            rows that the load owns.
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
                f"{source}: {counts.rows_owned} rows are of this load, the fact table has {counts.rows_now} of them: "
                "rows were deleted or added by hand; clear merge_into_fact"
            )
    if problems:
        raise ReconciliationError("the load does not add up: " + "; ".join(problems))


def check_published(report: CurationReport, loads: Iterable[NumberedLoad], published: Mapping[str, str]) -> None:
    """Check that each day with rows can be read through the catalog, with the content that the warehouse loaded last.

    Of two runs of one window at the same time, one may publish last and the other merge last. What they fetched tells
    whether that matters.

    Args:
        report: What the Glue run says it published.
        loads: The loads that touch the window.
        published: Glue job run ids by ISO day, as the catalog has them.

    Raises:
        ReconciliationError: A day has no partition; the message names it.
        CatalogDiffersError: A day's partition is of another Glue run than the newest load of that day, and that run has
            not loaded the same content.
    """
    missing = [day for day in report.days if day not in published]
    if missing:
        raise ReconciliationError(
            f"the catalog has no partition of {', '.join(missing)}, which Glue run {report.job_run_id} published: "
            "clear curate_prices with its downstream tasks"
        )
    loads = list(loads)
    differing = []
    for day in report.days:
        of_day = [load for load in loads if load.window.start <= date.fromisoformat(day) < load.window.end]
        newest = max(of_day, key=lambda load: load.load_number, default=None)
        if newest is None or newest.glue_job_run_id == published[day]:
            continue
        if _content(loads, newest.glue_job_run_id) != _content(loads, published[day]):
            differing.append(f"{day} (catalog: {published[day]}, warehouse: {newest.glue_job_run_id})")
    if differing:
        raise CatalogDiffersError(
            f"the catalog and the warehouse have different versions of {', '.join(differing)}. If no other run of "
            "these days is on its way, clear curate_prices with its downstream tasks, so that both have the same"
        )


def _content(loads: Iterable[NumberedLoad], glue_job_run_id: str) -> set[tuple[str, str, Window]]:
    return {(load.source, load.content_hash, load.window) for load in loads if load.glue_job_run_id == glue_job_run_id}


def accounting_table(report: CurationReport, loaded: list[LoadedCounts]) -> str:
    """Return the row accounting as a text table, one line per source."""
    header = (
        "source",
        "fetched",
        "curated",
        "quarantined",
        "duplicates",
        "staged",
        "merged",
        "in window",
        "removed",
        "now",
    )
    lines: list[tuple[str, ...]] = [header]
    by_source = {counts.source: counts for counts in loaded}
    for source, counts in sorted(report.sources.items()):
        warehouse = by_source.get(source, LoadedCounts(source, None, None, None, None, None, None))
        figures = (counts.fetched, counts.curated, counts.quarantined_total, counts.duplicates)
        asked = (
            *(warehouse.rows_staged, warehouse.rows_merged, warehouse.rows_in_window, warehouse.rows_removed),
            warehouse.rows_now,
        )
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
