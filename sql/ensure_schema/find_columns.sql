-- ensure_schema/find_columns
-- The columns of the tables that hold candles.
SELECT
    table_name,
    column_name
FROM svv_columns
WHERE
    table_schema = 'crypto'
    AND table_name IN ('fact_crypto_prices', 'stg_crypto_prices')
ORDER BY table_name, ordinal_position
