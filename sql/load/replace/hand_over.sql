-- load/replace/hand_over
-- Earlier loads no longer own the rows that this load replaces.
UPDATE crypto.etl_metadata
SET rows_owned = COALESCE(etl_metadata.rows_owned, etl_metadata.rows_merged) - replaced.row_total
FROM (
    SELECT
        batch_id,
        source,
        COUNT(*) AS row_total
    FROM crypto.fact_crypto_prices
    WHERE
        {% set sources = loaded(ti) %}{% include 'shared/scope.jinja' %}
    GROUP BY batch_id, source
) AS replaced
WHERE
    etl_metadata.batch_id = replaced.batch_id
    AND etl_metadata.source = replaced.source
