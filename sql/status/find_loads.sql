-- status/find_loads
-- The loads of the newest days, and the newest loads of any days.
SELECT
    batch_id,
    source,
    window_start,
    window_end,
    market_total,
    dag_id,
    run_id,
    status,
    rows_fetched,
    rows_quarantined,
    rows_duplicate,
    rows_curated,
    rows_staged,
    rows_merged,
    rows_in_window,
    rows_removed,
    load_number,
    fetched_at,
    loaded_at,
    recorded_at,
    glue_job_run_id,
    CASE WHEN accepted_by IS NULL THEN 0 ELSE 1 END AS is_accepted
FROM crypto.etl_metadata
WHERE
    candle_interval = {{ settings().candle_interval | literal }}
    AND (
        window_end > {{ params.start | literal }}
        OR load_number > (
            SELECT MAX(newest.load_number) - {{ load_total | literal }} FROM crypto.etl_metadata AS newest
        )
    )
ORDER BY load_number DESC
