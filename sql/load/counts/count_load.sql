-- load/counts/count_load
-- Counts the rows that this load staged and merged. This runs in the merge's transaction, because a later load of the
-- same window changes the fact table. A load whose counts differ stays 'merged' instead of 'loaded', and reconcile
-- reports the reason.
UPDATE crypto.etl_metadata
SET
    rows_staged = counted.rows_staged,
    rows_merged = counted.rows_merged,
    rows_in_window = counted.rows_in_window,
    rows_owned = counted.rows_merged,
    load_number = counted.load_number,
    status = CASE
        WHEN
            etl_metadata.rows_curated = counted.rows_staged
            AND etl_metadata.rows_curated = counted.rows_merged
            AND etl_metadata.rows_curated = counted.rows_in_window
            THEN 'loaded'
        ELSE 'merged'
    END
FROM (
    SELECT
        merged.source,
        load_counter.last_load_number AS load_number,
        COALESCE(staged.row_total, 0) AS rows_staged,
        COALESCE(loaded.of_batch, 0) AS rows_merged,
        COALESCE(loaded.row_total, 0) AS rows_in_window
    FROM crypto.etl_metadata AS merged
    CROSS JOIN crypto.load_counter
    LEFT JOIN (
        SELECT
            source,
            COUNT(*) AS row_total
        FROM crypto.{{ batch(ti).staging_table | name }}
        GROUP BY source
    ) AS staged ON merged.source = staged.source
    LEFT JOIN (
        SELECT
            source,
            COUNT(*) AS row_total,
            SUM(CASE WHEN batch_id = {{ report(ti).batch_id | literal }} THEN 1 ELSE 0 END) AS of_batch
        FROM crypto.fact_crypto_prices
        WHERE
            {% set sources = loaded(ti) %}{% include 'shared/scope.jinja' %}
        GROUP BY source
    ) AS loaded ON merged.source = loaded.source
    WHERE merged.batch_id = {{ report(ti).batch_id | literal }}
) AS counted
WHERE
    etl_metadata.batch_id = {{ report(ti).batch_id | literal }}
    AND etl_metadata.source = counted.source
