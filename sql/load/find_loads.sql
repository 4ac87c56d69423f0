-- Every complete load that touches the days, and how many rows of its window and markets the fact table has now: its
-- own and those of loads that came after it.
WITH loads AS (
    SELECT
        batch_id,
        source,
        candle_interval,
        window_start,
        window_end,
        markets,
        load_number,
        rows_merged
    FROM crypto.etl_metadata
    WHERE
        status = 'loaded'
        AND window_start < {{ params.end | literal }}
        AND window_end > {{ params.start | literal }}
),

rows_kept AS (
    SELECT
        loads.batch_id,
        loads.source,
        COUNT(*) AS row_total
    FROM loads
    INNER JOIN crypto.fact_crypto_prices AS fact
        ON
            loads.source = fact.source
            AND loads.candle_interval = fact.candle_interval
            AND loads.window_start <= fact.observed_at
            AND loads.window_end > fact.observed_at
            AND STRPOS(',' || loads.markets || ',', ',' || fact.symbol || '/' || fact.quote_currency || ',') > 0
    INNER JOIN crypto.etl_metadata AS loaded_by
        ON
            fact.batch_id = loaded_by.batch_id
            AND fact.source = loaded_by.source
            AND loads.load_number <= loaded_by.load_number
    GROUP BY loads.batch_id, loads.source
)

SELECT
    loads.batch_id,
    loads.source,
    loads.candle_interval,
    loads.window_start,
    loads.window_end,
    loads.markets,
    loads.load_number,
    loads.rows_merged,
    COALESCE(rows_kept.row_total, 0) AS rows_kept
FROM loads
LEFT JOIN rows_kept
    ON
        loads.batch_id = rows_kept.batch_id
        AND loads.source = rows_kept.source
ORDER BY loads.load_number
