"""Whether the catalog shows what the warehouse has loaded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from crypto_prices_contract.curation_report import CurationReport

from crypto_prices.publish.versions_to_publish import NumberedLoad
from crypto_prices.reconcile.row_counts import ReconciliationError


class CatalogDiffersError(RuntimeError):
    """The catalog shows an older version of a day than the warehouse has loaded."""


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
