-- load/replace/delete_replaced_attempts
-- Deletes the metadata of this run's earlier attempts at this window that no longer own rows, so that a cleared run has
-- one load. An attempt that requested other markets is kept, because its fetch time still protects those markets.
DELETE FROM crypto.etl_metadata
WHERE
    dag_id = {{ terms().dag_id | literal }}
    AND run_id = {{ terms().run_id | literal }}
    AND window_start = {{ batch(ti).window_start | literal }}
    AND window_end = {{ batch(ti).window_end | literal }}
    AND batch_id <> {{ report(ti).batch_id | literal }}
    AND (
        {%- for fetched in loaded(ti) %}
            {% if not loop.first %}OR {% endif %}(
                source = {{ fetched.source | literal }}
                AND market_set = {{ fetched.market_set | literal }}
            )
        {%- endfor %}
    )
    AND NOT EXISTS (
        SELECT 1
        FROM crypto.fact_crypto_prices AS fact
        WHERE
            fact.batch_id = etl_metadata.batch_id
            AND fact.source = etl_metadata.source
            AND fact.observed_at >= {{ batch(ti).window_start | literal }}
            AND fact.observed_at < {{ batch(ti).window_end | literal }}
    )
