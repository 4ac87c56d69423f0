"""The reason to skip a load, if the warehouse already holds exactly this content."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crypto_prices.xcom.batch import Batch


class EmptyWindowError(ValueError):
    """No source returned a candle of the window, but the warehouse has some."""


def reason_to_skip(batch: Batch, current_loads: list[dict[str, Any]], published: Mapping[str, str]) -> str | None:
    """Return why there is nothing to load, or None if there is something to load.

    Args:
        batch: The fetched batch.
        current_loads: Rows of ``sql/plan/find_current_loads.sql``: for each source, the last load that touched the
            window, with ``source``, ``batch_id``, ``status``, ``is_recorded``, ``window_start``, ``window_end``,
            ``content_hash``, ``loaded_at``, ``glue_job_run_id``, ``rows_merged`` (at the time of the load),
            ``rows_now`` (rows of that batch in this window now), ``days_now`` (their ISO days, comma-separated) and
            ``rows_in_window`` (rows of the fetched markets in this window, from any load).
        published: Glue run ids in the catalog, by ISO day of the window.

    Raises:
        EmptyWindowError: Nothing was fetched, but the warehouse has rows in the window.
    """
    if not batch.records:
        loaded = sum(int(row["rows_in_window"] or 0) for row in current_loads)
        if loaded:
            raise EmptyWindowError(
                f"no source returned a candle in [{batch.window_start}, {batch.window_end}), but the warehouse holds "
                f"{loaded} from an earlier load. Nothing was changed. Closed candles do not vanish, so check with the "
                "exchange. If the rows are really wrong, remove them with crypto.remove_candles"
            )
        return (
            f"no source has a candle in [{batch.window_start}, {batch.window_end}); the raw manifests record the gaps"
        )
    current = {str(row["source"]): row for row in current_loads}
    for fetched in batch.sources:
        row = current.get(fetched.source)
        if (
            row is None
            or row["status"] != "loaded"
            # A merge that was cleared alone, or whose run was abandoned. Only a new load publishes and records it.
            or not row["is_recorded"]
            or row["content_hash"] != fetched.content_hash
            or (str(row["window_start"]), str(row["window_end"])) != (batch.window_start, batch.window_end)
            # Rows were deleted by hand or replaced by another load, so the warehouse differs from the load.
            or row["rows_merged"] != row["rows_now"]
        ):
            return None
    loaded_days = {day for row in current.values() for day in str(row["days_now"]).split(",") if day}
    if not loaded_days <= set(published) or not set(published.values()) <= {
        row["glue_job_run_id"] for row in current.values()
    }:
        return None  # the catalog shows a different version or lacks a day; a new load publishes the window
    loads = ", ".join(
        f"{source} by batch {row['batch_id']} at {row['loaded_at']} UTC"
        for source, row in sorted(current.items())
        if source in {fetched.source for fetched in batch.sources}
    )
    return f"the warehouse already holds exactly this content of the window: {loads}"
