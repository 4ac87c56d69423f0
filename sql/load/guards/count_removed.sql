-- load/guards/count_removed
-- Counts the rows that this load will delete. A usual load deletes none.
UPDATE crypto.etl_metadata
SET rows_removed = superseded.row_total
FROM (
    SELECT
        source,
        COUNT(*) AS row_total
    FROM crypto.fact_crypto_prices
    WHERE
        {% include 'load/replace/superseded_rows.jinja' %}
    GROUP BY source
) AS superseded
WHERE
    etl_metadata.batch_id = {{ report(ti).batch_id | literal }}
    AND etl_metadata.source = superseded.source
