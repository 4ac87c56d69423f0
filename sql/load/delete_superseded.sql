-- Rows of the window that an earlier load left and this one no longer has. Only the markets that were asked for are
-- touched: loading a few symbols again must not remove the others.
DELETE FROM crypto.fact_crypto_prices
WHERE
    {% include 'load/batch_scope.jinja' %}
    AND NOT EXISTS (
        SELECT 1
        FROM crypto.{{ batch(ti).staging_table | name }} AS staged
        WHERE
            staged.source = fact_crypto_prices.source
            AND staged.symbol = fact_crypto_prices.symbol
            AND staged.quote_currency = fact_crypto_prices.quote_currency
            AND staged.candle_interval = fact_crypto_prices.candle_interval
            AND staged.observed_at = fact_crypto_prices.observed_at
    )
