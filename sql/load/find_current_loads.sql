-- Of each source, the last load that touched the window, how many of its rows are still in the fact table, and of which
-- days they are.
WITH touching AS (
    SELECT
        batch_id,
        source,
        status,
        window_start,
        window_end,
        content_hash,
        rows_merged,
        glue_job_run_id,
        loaded_at,
        ROW_NUMBER() OVER (PARTITION BY source ORDER BY COALESCE(load_number, 0) DESC, loaded_at DESC) AS recency
    FROM crypto.etl_metadata
    WHERE
        window_start < {{ window(ti).end | literal }}
        AND window_end > {{ window(ti).start | literal }}
),

rows_of_batch AS (
    SELECT
        batch_id,
        source,
        COUNT(*) AS rows_now,
        LISTAGG(DISTINCT TO_CHAR(observed_at, 'YYYY-MM-DD'), ',') AS days_now
    FROM crypto.fact_crypto_prices
    WHERE
        batch_id IN (
            SELECT touching.batch_id
            FROM touching
            WHERE touching.recency = 1
        )
    GROUP BY batch_id, source
)

SELECT
    touching.source,
    touching.batch_id,
    touching.status,
    touching.window_start,
    touching.window_end,
    touching.content_hash,
    touching.glue_job_run_id,
    touching.loaded_at,
    touching.rows_merged,
    COALESCE(rows_of_batch.rows_now, 0) AS rows_now,
    COALESCE(rows_of_batch.days_now, '') AS days_now
FROM touching
LEFT JOIN rows_of_batch
    ON
        touching.batch_id = rows_of_batch.batch_id
        AND touching.source = rows_of_batch.source
WHERE touching.recency = 1
ORDER BY touching.source
