"""The check that the catalog shows the versions that the warehouse loaded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from crypto_prices_contract.curation_report import CurationReport

from crypto_prices.publish.versions_to_publish import NumberedLoad
from crypto_prices.reconcile.row_counts import ReconciliationError


class CatalogDiffersError(RuntimeError):
    """The catalog shows an older version of a day than the one that the warehouse loaded."""


def check_published(report: CurationReport, loads: Iterable[NumberedLoad], published: Mapping[str, str]) -> None:
    """Check that the catalog shows this load, or a later one, for each day.

    Args:
        report: Curation report of the Glue run.
        loads: The loads that touch the window.
        published: Glue run ids in the catalog, by ISO day.

    Raises:
        ReconciliationError: The warehouse has no load of the Glue run.
        CatalogDiffersError: The catalog shows an older version of a day, no version although the day has rows, or a
            version although it has none. A later check may pass, because another run's ``publish_partitions`` may be
            running.
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
            # A later load may have removed the last rows of the day.
            version = report.days.get(day.isoformat())
            right = newest is not own or version is None or not version.rows
        else:
            right = numbers.get(shown, -1) >= own.load_number
        if not right:
            differing.append(f"{day} (catalog: {shown or 'nothing'}, this load: {report.job_run_id})")
    if differing:
        raise CatalogDiffersError(
            f"the catalog does not show the versions that the warehouse loaded for {', '.join(differing)}: the task "
            "retries; if it fails again, clear publish_partitions with its downstream tasks"
        )
