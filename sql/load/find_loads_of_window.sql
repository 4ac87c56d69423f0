-- Every load that touches the window, this run's own among them.
SELECT
    batch_id,
    source,
    window_start,
    window_end,
    content_hash,
    glue_job_run_id,
    status,
    rows_fetched,
    rows_quarantined,
    rows_duplicate,
    rows_curated,
    rows_staged,
    rows_merged,
    rows_in_window,
    rows_removed,
    COALESCE(load_number, 0) AS load_number
FROM crypto.etl_metadata
WHERE
    window_start < {{ window(ti).end | literal }}
    AND window_end > {{ window(ti).start | literal }}
ORDER BY load_number, batch_id, source
