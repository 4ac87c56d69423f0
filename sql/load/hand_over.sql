-- What the batch is about to replace is no longer owned by the loads that merged it.
UPDATE crypto.etl_metadata
SET rows_owned = COALESCE(etl_metadata.rows_owned, etl_metadata.rows_merged) - replaced.row_total
FROM (
    SELECT
        batch_id,
        source,
        COUNT(*) AS row_total
    FROM crypto.fact_crypto_prices
    WHERE
        {% set sources = batch(ti).sources %}{% include 'load/scope.jinja' %}
    GROUP BY batch_id, source
) AS replaced
WHERE
    etl_metadata.batch_id = replaced.batch_id
    AND etl_metadata.source = replaced.source
