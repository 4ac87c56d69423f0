-- queries/fact_checksum
-- The number of rows in the fact table, and a checksum that does not depend on their order. It covers the exchange's
-- values, but not the batch and the time of the load, so reloading the same candles does not change it. A few rows add
-- up to more than a BIGINT holds, and in Redshift the sum of BIGINT values is a BIGINT.
SELECT
    COUNT(*) AS row_total,
    COALESCE(SUM(CAST(STRTOL(SUBSTRING(MD5(
        source || '|' || symbol || '|' || quote_currency || '|' || candle_interval || '|'
        || CAST(observed_at AS VARCHAR(32)) || '|'
        || COALESCE(CAST(open_price AS VARCHAR(64)), '') || '|'
        || COALESCE(CAST(high_price AS VARCHAR(64)), '') || '|'
        || COALESCE(CAST(low_price AS VARCHAR(64)), '') || '|'
        || COALESCE(CAST(close_price AS VARCHAR(64)), '') || '|'
        || COALESCE(CAST(base_volume AS VARCHAR(64)), '') || '|'
        || COALESCE(CAST(quote_volume AS VARCHAR(64)), '') || '|'
        || COALESCE(CAST(trade_count AS VARCHAR(32)), '') || '|'
        || COALESCE(CAST(market_cap AS VARCHAR(64)), '')
    ), 1, 15), 16) AS DECIMAL(20, 0))), 0) AS checksum
FROM crypto.fact_crypto_prices
