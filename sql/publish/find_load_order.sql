-- publish/find_load_order from {{ window(ti).start | literal }} to {{ window(ti).end | literal }}
-- The loads that touch the window, in the order of their merges. The catalog shows versions in the same order.
SELECT
    batch_id,
    source,
    candle_interval,
    window_start,
    window_end,
    glue_job_run_id,
    market_set,
    COALESCE(load_number, 0) AS load_number
FROM crypto.etl_metadata
WHERE
    window_start < {{ window(ti).end | literal }}
    AND window_end > {{ window(ti).start | literal }}
ORDER BY load_number, source
