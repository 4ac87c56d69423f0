-- records/find_loads from {{ window_start | literal }} to {{ window_end | literal }}
-- The loads and removals after a number, one row per source. They are known to be committed.
SELECT
    load_number,
    source,
    batch_id,
    window_start,
    window_end,
    market_set,
    candle_interval,
    fetched_at,
    merged_at,
    visible_at,
    forced,
    raw_manifest,
    content_hash,
    copy_manifest,
    glue_job_run_id,
    dag_id,
    run_id,
    dags_digest,
    plugins_digest,
    glue_digest,
    rules,
    accepted_by,
    accepted_because,
    rebuilt_from,
    removed_by,
    removed_because
FROM crypto.load_log
WHERE
    load_number > {{ after_load | literal }}
    AND load_number <= {{ through_load | literal }}
    AND visible_at IS NOT NULL
ORDER BY load_number, source
