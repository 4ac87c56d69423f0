-- backfill/find_loads
-- Every load that touches the days, with the number of rows that it owns and of those that are in the fact table. Loads
-- that do not add up or are not published are included, because they changed the days of earlier loads.
WITH loads AS (
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
),

span AS (
    SELECT
        MIN(window_start) AS starts_on,
        MAX(window_end) AS ends_on
    FROM loads
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
    -- The join implies this range on the sort key, but a scan can use only conditions on its own table.
    WHERE
        fact.observed_at >= (SELECT span.starts_on FROM span)
        AND fact.observed_at < (SELECT span.ends_on FROM span)
    GROUP BY loads.batch_id, loads.source
)

SELECT
    loads.batch_id,
    loads.source,
    loads.candle_interval,
    loads.window_start,
    loads.window_end,
    loads.market_set,
    loads.raw_manifest,
    loads.glue_job_run_id,
    loads.load_number,
    loads.status,
    loads.is_recorded,
    loads.is_accepted,
    loads.rows_owned,
    COALESCE(rows_of_batch.rows_now, 0) AS rows_now
FROM loads
LEFT JOIN rows_of_batch
    ON
        loads.batch_id = rows_of_batch.batch_id
        AND loads.source = rows_of_batch.source
ORDER BY loads.load_number
