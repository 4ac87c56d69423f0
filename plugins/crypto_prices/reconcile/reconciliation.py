"""Reconciliation: does every step of a load count the same records? Pure; the operator asks the warehouse."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from crypto_prices_contract.curation_report import CurationReport

from crypto_prices.publish.publication import NumberedLoad


class ReconciliationError(ValueError):
    """Two steps count differently; the message names the source, the steps and the figures."""


class CatalogDiffersError(RuntimeError):
    """The catalog shows an older version of a day than the warehouse has loaded."""


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
                "rows were deleted or added by hand; clear merge_into_fact with its downstream tasks"
            )
    if problems:
        raise ReconciliationError("the load does not add up: " + "; ".join(problems))


def check_published(report: CurationReport, loads: Iterable[NumberedLoad], published: Mapping[str, str]) -> None:
    """Check that the catalog shows this load of each day, or a later one.

    Args:
        report: What the Glue run curated.
        loads: The loads that touch the window.
        published: Glue job run ids by ISO day, as the catalog has them.

    Raises:
        ReconciliationError: The warehouse has no load of the Glue run.
        CatalogDiffersError: A day shows an older version, none although it has rows, or rows that it has not any more.
            Looked at again it may be right: another run's ``publish_partitions`` may be at work.
    """
    loads = list(loads)
    numbers = {load.glue_job_run_id: load.load_number for load in loads}
    own = next((load for load in loads if load.glue_job_run_id == report.job_run_id), None)
    if own is None:
        raise ReconciliationError(f"crypto.etl_metadata has no load of Glue run {report.job_run_id}")
    differing = []
    for day in own.window.days():
        shown = published.get(day.isoformat())
        newest = max((load for load in loads if load.covers(day)), key=lambda load: load.load_number)
        if shown is None:
            # A later load may have taken the day's last rows away.
            version = report.days.get(day.isoformat())
            right = newest is not own or version is None or not version.rows
        else:
            right = numbers.get(shown, -1) >= own.load_number
        if not right:
            differing.append(f"{day} (catalog: {shown or 'nothing'}, this load: {report.job_run_id})")
    if differing:
        raise CatalogDiffersError(
            f"the catalog does not show what the warehouse has loaded of {', '.join(differing)}: if it stays so, clear "
            "publish_partitions with its downstream tasks"
        )


def metric_data(
    report: CurationReport, loaded: list[LoadedCounts], dag_id: str, *, adds_up: bool
) -> list[dict[str, Any]]:
    """Return the figures of a load as CloudWatch's ``MetricData``: those of each source, and ``LoadsReconciled``.

    ``LoadsReconciled`` is 1 for a load that adds up and 0 for one that does not, so its sum tells whether anything was
    loaded lately and its minimum whether anything is wrong.

    Args:
        report: What the Glue run counted.
        loaded: What the warehouse counts.
        dag_id: The DAG that loaded it: a daily run and a backfill are not added up.
        adds_up: Whether all its steps count the same records, and the catalog shows it.
    """
    by_source = {counts.source: counts for counts in loaded}
    dag = {"Name": "Dag", "Value": dag_id}
    data: list[dict[str, Any]] = [
        {"MetricName": "LoadsReconciled", "Dimensions": [dag], "Value": int(adds_up), "Unit": "Count"}
    ]
    for source, counts in sorted(report.sources.items()):
        warehouse = by_source.get(source)
        figures = {
            "RecordsFetched": counts.fetched,
            "RecordsCurated": counts.curated,
            "RecordsQuarantined": counts.quarantined_total,
            "RecordsDuplicate": counts.duplicates,
            "RowsMerged": warehouse.rows_merged if warehouse else None,
            "RowsRemoved": warehouse.rows_removed if warehouse else None,
        }
        dimensions = [dag, {"Name": "Source", "Value": source}]
        data += [
            {"MetricName": name, "Dimensions": dimensions, "Value": value, "Unit": "Count"}
            for name, value in figures.items()
            if value is not None
        ]
    return data


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
