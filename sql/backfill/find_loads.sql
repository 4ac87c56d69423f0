-- backfill/find_loads
-- Every load that touches the days, with the number of rows that it owns. Loads that do not add up or are not published
-- are included, because they changed the days of earlier loads.
SELECT
    batch_id,
    source,
    candle_interval,
    window_start,
    window_end,
    market_set,
    raw_manifest,
    glue_job_run_id,
    load_number,
    status,
    CASE WHEN recorded_at IS NULL THEN 0 ELSE 1 END AS is_recorded,
    CASE WHEN accepted_by IS NULL THEN 0 ELSE 1 END AS is_accepted,
    COALESCE(rows_owned, rows_merged) AS rows_owned
FROM crypto.etl_metadata
WHERE
    window_start < {{ params.end | literal }}
    AND window_end > {{ params.start | literal }}
ORDER BY load_number
