-- The exchange was asked for these days and has no candle of them: what the audit noted as unfetched is explained.
UPDATE crypto.candle_gaps
SET
    reason = CASE
        WHEN source || ' ' || symbol || '/' || quote_currency IN (
            SELECT source || ' ' || symbol || '/' || quote_currency
            FROM crypto.fact_crypto_prices
            WHERE observed_at < {{ window(ti).start | literal }}
        ) THEN 'no_trade'
        ELSE 'not_listed'
    END,
    noted_at = GETDATE()
WHERE
    reason = 'unfetched'
    AND {% set sources = fetched(ti) %}{% include 'load/scope.jinja' %}
