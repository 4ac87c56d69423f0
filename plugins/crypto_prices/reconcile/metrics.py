"""The counts of a load as CloudWatch metrics."""

from __future__ import annotations

from typing import Any

from crypto_prices_contract.curation_report import CurationReport

from crypto_prices.reconcile.row_counts import LoadedCounts


def metric_data(
    report: CurationReport, loaded: list[LoadedCounts], dag_id: str, *, adds_up: bool
) -> list[dict[str, Any]]:
    """Return the counts of a load as CloudWatch ``MetricData``: those of each source, and ``LoadsReconciled``.

    ``LoadsReconciled`` is 1 for a load that adds up and 0 for one that does not. Its sum shows whether there were
    recent loads. Its minimum shows whether one of them is wrong.

    Args:
        report: Counts of the Glue run.
        loaded: Counts of the warehouse.
        dag_id: The DAG that loaded the window. Metrics of daily runs and of backfills are separate.
        adds_up: Whether the counts of all steps agree and the catalog shows the load.
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
