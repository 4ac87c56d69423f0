-- reconcile/find_loads_of_window from {{ window(ti).start | literal }} to {{ window(ti).end | literal }}
-- Every load that touches the window, including this run's, with the number of rows that it owns. For this run's load,
-- also the number of its rows that are in the fact table now. A later load takes over the rows that it replaces.
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
        batch_id,
        source,
        COUNT(*) AS rows_now
    FROM crypto.fact_crypto_prices
    WHERE
        observed_at >= {{ window(ti).start | literal }}
        AND observed_at < {{ window(ti).end | literal }}
        AND batch_id = {{ report(ti).batch_id | literal }}
    GROUP BY batch_id, source
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
    CASE
        WHEN loads.batch_id = {{ report(ti).batch_id | literal }} THEN COALESCE(rows_of_batch.rows_now, 0)
    END AS rows_now
FROM loads
LEFT JOIN rows_of_batch
    ON
        loads.batch_id = rows_of_batch.batch_id
        AND loads.source = rows_of_batch.source
ORDER BY loads.load_number, loads.batch_id, loads.source
