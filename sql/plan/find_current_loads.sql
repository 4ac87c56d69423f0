-- plan/find_current_loads from {{ window(ti).start | literal }} to {{ window(ti).end | literal }}
-- For each source: the last load that touches the window, the number and the days of its rows that are still in the
-- window, and the number of rows of the fetched markets in the window, from any load.
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
        CASE WHEN recorded_at IS NULL THEN 0 ELSE 1 END AS is_recorded,
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
        observed_at >= {{ window(ti).start | literal }}
        AND observed_at < {{ window(ti).end | literal }}
    GROUP BY batch_id, source
),

rows_of_markets AS (
    SELECT
        source,
        COUNT(*) AS rows_in_window
    FROM crypto.fact_crypto_prices
    WHERE
        {% set sources = fetched(ti) %}{% include 'shared/scope.jinja' %}
    GROUP BY source
)

SELECT
    touching.source,
    touching.batch_id,
    touching.status,
    touching.is_recorded,
    touching.window_start,
    touching.window_end,
    touching.content_hash,
    touching.glue_job_run_id,
    touching.loaded_at,
    touching.rows_merged,
    COALESCE(rows_of_batch.rows_now, 0) AS rows_now,
    COALESCE(rows_of_batch.days_now, '') AS days_now,
    COALESCE(rows_of_markets.rows_in_window, 0) AS rows_in_window
FROM touching
LEFT JOIN rows_of_batch
    ON
        touching.batch_id = rows_of_batch.batch_id
        AND touching.source = rows_of_batch.source
LEFT JOIN rows_of_markets ON touching.source = rows_of_markets.source
WHERE touching.recency = 1
ORDER BY touching.source
