"""The reason to skip a load, if there is one: the warehouse already holds exactly this content."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crypto_prices.xcom.batch import Batch


class EmptyWindowError(ValueError):
    """No source gives a candle of a window that is loaded with some."""


def reason_to_skip(batch: Batch, current_loads: list[dict[str, Any]], published: Mapping[str, str]) -> str | None:
    """Return why there is nothing to load, or None when there is.

    Args:
        batch: What was fetched.
        current_loads: Rows of ``sql/plan/find_current_loads.sql``: of each source the last load that touched the
            window, with ``source``, ``batch_id``, ``status``, ``is_recorded``, ``window_start``, ``window_end``,
            ``content_hash``, ``loaded_at``, ``glue_job_run_id``, ``rows_merged`` (when it was loaded), ``rows_now`` (of
            that batch in this window, today), ``days_now`` (their ISO days, with commas between them) and
            ``rows_in_window`` (of the fetched markets in this window, loaded by any run).
        published: Glue job run ids by ISO day of the window, as the catalog has them.

    Raises:
        EmptyWindowError: Nothing was fetched, but the warehouse has rows of the window.
    """
    if not batch.records:
        loaded = sum(int(row["rows_in_window"] or 0) for row in current_loads)
        if loaded:
            raise EmptyWindowError(
                f"no source has a candle in [{batch.window_start}, {batch.window_end}) any more, but the warehouse "
                f"holds {loaded} from an earlier load. Nothing was changed: closed candles do not vanish, so ask the "
                "exchange; rows that are really wrong are deleted by hand"
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
            # Nothing else would publish and record it: a merge that was cleared alone, or whose run was given up.
            or not row["is_recorded"]
            or row["content_hash"] != fetched.content_hash
            or (str(row["window_start"]), str(row["window_end"])) != (batch.window_start, batch.window_end)
            # Rows were deleted by hand or replaced by another load: what was loaded is no longer what is there.
            or row["rows_merged"] != row["rows_now"]
        ):
            return None
    loaded_days = {day for row in current.values() for day in str(row["days_now"]).split(",") if day}
    if not loaded_days <= set(published) or not set(published.values()) <= {
        row["glue_job_run_id"] for row in current.values()
    }:
        return None  # the catalog shows another version than the warehouse, or lacks a day: load, so that both agree
    loads = ", ".join(
        f"{source} by batch {row['batch_id']} at {row['loaded_at']} UTC"
        for source, row in sorted(current.items())
        if source in {fetched.source for fetched in batch.sources}
    )
    return f"the warehouse already holds exactly this content of the window: {loads}"
