-- queries/loads_of_window
-- The row counts of every load of exactly this window, the newest load first.
SELECT
    batch_id,
    source,
    status,
    rows_fetched,
    rows_curated,
    rows_quarantined,
    rows_duplicate,
    rows_staged,
    rows_merged,
    rows_in_window,
    rows_removed,
    glue_job_run_id,
    raw_manifest,
    copy_manifest,
    loaded_at
FROM crypto.etl_metadata
WHERE
    window_start = {{ window(ti).start | literal }}
    AND window_end = {{ window(ti).end | literal }}
ORDER BY COALESCE(load_number, 0) DESC, loaded_at DESC, source ASC
