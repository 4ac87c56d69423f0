SELECT
    source,
    status,
    rows_fetched,
    rows_quarantined,
    rows_duplicate,
    rows_curated,
    rows_staged,
    rows_merged,
    rows_in_window,
    rows_removed
FROM crypto.etl_metadata
WHERE batch_id = {{ batch(ti).batch_id | literal }}
ORDER BY source
