"""The statements of each task that runs SQL. Each list has files under sql/ in the order that they run."""

from __future__ import annotations

LOCK = ("load/lock_loads.sql",)
"""Acquire the load lock, which serializes the loads of all DAGs. Without it, concurrent writers of one table abort with
error 1023."""

WRITE_MARKETS = (*LOCK, "plan/insert_market_set.sql")
"""Write a part of a market set. Without the lock, two runs could write the same markets twice."""

WRITE_EXPECTED_MARKETS = (*LOCK, "plan/delete_expected_markets.sql", "plan/insert_expected_markets.sql")
"""Replace the rows of some markets. Without the lock, two runs could write the same rows twice."""

COPY_TO_STAGING = (
    "load/staging/drop_staging.sql",
    "load/staging/create_staging.sql",
    "load/staging/copy_to_staging.sql",
)
"""Fill the run's own staging table. This is one batch, because clearing the merge also clears its setup task, but not
the setup task before that."""

CHECK_STAGING = "load/guards/check_staging.sql"
DROP_STAGING = "load/staging/drop_staging.sql"

GUARDS = (
    "load/guards/check_load_number.sql",
    CHECK_STAGING,
    # The next checks read the load's own metadata.
    "load/counts/delete_etl_metadata.sql",
    "load/counts/insert_etl_metadata.sql",
    "load/guards/check_markets.sql",
    "load/guards/check_origin.sql",
    "load/guards/check_restored.sql",
    "load/replace/compare_rows.sql",
    "load/guards/count_removed.sql",
    "load/guards/check_removed.sql",
)
"""Reject a load that would add wrong rows, undo a correction or delete candles. ``compare_rows`` creates the temporary
table that the rest of the merge reads."""

HISTORY = (
    "load/history/mark_visible.sql",
    "load/history/count_up.sql",
    "load/history/insert_load_log.sql",
    "load/history/insert_price_versions.sql",
)
"""Number and log the load, and keep the values that it replaces. These rows are never deleted."""

REPLACE = (
    "load/replace/hand_over.sql",
    "load/replace/delete_replaced_rows.sql",
    "load/replace/insert_staged_rows.sql",
    "load/replace/delete_replaced_attempts.sql",
)
"""Replace the window's rows in the fact table."""

COUNTS = ("load/counts/count_load.sql",)
"""Write the warehouse's own counts of the load."""

GAPS = (
    "load/gaps/find_candle_gaps.sql",
    "load/gaps/delete_candle_gaps.sql",
    "load/gaps/insert_candle_gaps.sql",
)
"""Record which candles are missing, and why. The first statement creates a temporary table for the last one."""

QUALITY = (
    "load/quality/delete_data_quality_results.sql",
    "load/quality/delete_forgotten_quality_results.sql",
    "load/quality/insert_row_rule_results.sql",
    "load/quality/insert_completeness_results.sql",
    "load/quality/insert_price_jump_results.sql",
    "load/quality/check_quality.sql",
)
"""Write the results of the quality rules, and reject the load if a rule fails."""

MERGE_INTO_FACT = (*LOCK, *GUARDS, *HISTORY, *REPLACE, *COUNTS, *GAPS, *QUALITY)
"""One batch, and therefore one transaction: either all of it takes effect, or nothing does."""

EMPTY_WINDOW = (
    *LOCK,
    "load/gaps/find_empty_window_gaps.sql",
    "load/gaps/delete_empty_window_gaps.sql",
    "load/gaps/insert_candle_gaps.sql",
)
"""Record the gaps of a window without candles on the exchanges."""

RECORD_LOAD = (*LOCK, "load/history/mark_visible.sql", "publish/record_load.sql")
"""Mark the load as visible in the log, and as published."""

REPLAY_REMOVAL = (
    *LOCK,
    "load/history/mark_visible.sql",
    "rebuild/check_load_number.sql",
    "rebuild/remove_candles.sql",
    "rebuild/restore_removal.sql",
)
"""Remove candles again that a user removed, under the number and the times of that removal."""

LOCK_MARTS = ("marts/lock_marts.sql",)
"""Acquire the marts' own lock, so that two refreshes run one after the other and no load waits for a refresh."""

DIMENSIONS = (
    "marts/dimensions/delete_sources.sql",
    "marts/dimensions/insert_sources.sql",
)
"""Write the sources that the bundle knows. The consensus reads them."""

DAILY_PRICES = (
    "marts/daily_prices/delete_daily_prices.sql",
    "marts/daily_prices/insert_daily_prices.sql",
    "marts/daily_prices/find_return_days.sql",
    "marts/daily_prices/find_returns.sql",
    "marts/daily_prices/update_returns.sql",
    # The assets are those of the daily prices.
    "marts/dimensions/delete_assets.sql",
    "marts/dimensions/insert_assets.sql",
)

PRICE_STATISTICS = (
    "marts/price_statistics/find_touched_spans.sql",
    "marts/price_statistics/delete_price_statistics.sql",
    "marts/price_statistics/insert_price_statistics.sql",
)
"""Calculated from the daily prices."""

CONSENSUS_PRICES = (
    "marts/consensus_prices/find_hour_closes.sql",
    "marts/consensus_prices/delete_quote_rates.sql",
    "marts/consensus_prices/insert_quote_rates.sql",
    "marts/consensus_prices/find_venue_rates.sql",
    "marts/consensus_prices/find_venue_prices.sql",
    "marts/consensus_prices/delete_consensus_prices.sql",
    "marts/consensus_prices/insert_consensus_prices.sql",
    "marts/consensus_prices/delete_venue_prices.sql",
    "marts/consensus_prices/insert_venue_prices.sql",
)
"""The hourly marts. A venue's distance from the consensus needs the consensus."""

REFRESH_MARTS = (
    *LOCK_MARTS,
    "marts/find_touched_days.sql",
    *DIMENSIONS,
    *DAILY_PRICES,
    *PRICE_STATISTICS,
    *CONSENSUS_PRICES,
    "marts/record_refresh.sql",
)
"""One batch, and therefore one transaction: readers see the marts before it or after it. A batch has at most 40
statements."""
