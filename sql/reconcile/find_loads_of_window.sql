-- reconcile/find_loads_of_window from {{ window(ti).start | literal }} to {{ window(ti).end | literal }}
-- Every load that touches the window, including this run's, with the number of rows that it owns and of those that are
-- in the fact table. A later load takes over the rows that it replaces.
WITH loads AS (
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
        COALESCE(rows_owned, rows_merged) AS rows_owned,
        COALESCE(load_number, 0) AS load_number
    FROM crypto.etl_metadata
    WHERE
        window_start < {{ window(ti).end | literal }}
        AND window_end > {{ window(ti).start | literal }}
),

rows_of_batch AS (
    SELECT
        loads.batch_id,
        loads.source,
        COUNT(*) AS rows_now
    FROM loads
    INNER JOIN crypto.fact_crypto_prices AS fact
        ON
            loads.batch_id = fact.batch_id
            AND loads.source = fact.source
            AND loads.window_start <= fact.observed_at
            AND loads.window_end > fact.observed_at
    GROUP BY loads.batch_id, loads.source
)

SELECT
    loads.batch_id,
    loads.source,
    loads.window_start,
    loads.window_end,
    loads.content_hash,
    loads.glue_job_run_id,
    loads.status,
    loads.rows_fetched,
    loads.rows_quarantined,
    loads.rows_duplicate,
    loads.rows_curated,
    loads.rows_staged,
    loads.rows_merged,
    loads.rows_in_window,
    loads.rows_removed,
    loads.rows_owned,
    loads.load_number,
    COALESCE(rows_of_batch.rows_now, 0) AS rows_now
FROM loads
LEFT JOIN rows_of_batch
    ON
        loads.batch_id = rows_of_batch.batch_id
        AND loads.source = rows_of_batch.source
ORDER BY loads.load_number, loads.batch_id, loads.source
