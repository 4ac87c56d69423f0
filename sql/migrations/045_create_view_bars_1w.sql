-- Bars of a week, Monday to Sunday, from the daily prices. A sum is NULL unless every day has the value. A value whose
-- sum might not fit into its type counts as NULL.
-- noqa: disable=ST06
CREATE OR REPLACE VIEW crypto_views.bars_1w AS
WITH numbered AS (
    SELECT
        source,
        symbol,
        quote_currency,
        DATE_TRUNC('week', CAST(price_date AS TIMESTAMP)) AS opens_at,
        open_price,
        high_price,
        low_price,
        close_price,
        CASE
            WHEN ABS(CAST(base_volume AS DOUBLE PRECISION)) * 7 < 90000000000000000000
                THEN base_volume
        END AS base_volume,
        CASE
            WHEN ABS(CAST(quote_volume AS DOUBLE PRECISION)) * 7 < 90000000000000000000
                THEN quote_volume
        END AS quote_volume,
        CASE
            WHEN ABS(CAST(trade_count AS DOUBLE PRECISION)) * 7 < 9000000000000000000
                THEN trade_count
        END AS trade_count,
        CASE WHEN is_complete THEN 1 ELSE 0 END AS complete_days,
        ROW_NUMBER() OVER (
            PARTITION BY source, symbol, quote_currency, DATE_TRUNC('week', CAST(price_date AS TIMESTAMP))
            ORDER BY price_date
        ) AS from_first,
        ROW_NUMBER() OVER (
            PARTITION BY source, symbol, quote_currency, DATE_TRUNC('week', CAST(price_date AS TIMESTAMP))
            ORDER BY price_date DESC
        ) AS from_last
    FROM crypto.daily_prices
)

SELECT
    source,
    symbol,
    quote_currency,
    opens_at,
    DATEADD(DAY, 7, opens_at) AS closes_at,
    MAX(CASE WHEN from_first = 1 THEN open_price END) AS open_price,
    MAX(high_price) AS high_price,
    MIN(low_price) AS low_price,
    MAX(CASE WHEN from_last = 1 THEN close_price END) AS close_price,
    CASE WHEN COUNT(base_volume) = COUNT(*) THEN SUM(base_volume) END AS base_volume,
    CASE WHEN COUNT(quote_volume) = COUNT(*) THEN SUM(quote_volume) END AS quote_volume,
    CASE WHEN COUNT(trade_count) = COUNT(*) THEN CAST(SUM(trade_count) AS BIGINT) END AS trade_count,
    COUNT(*) AS days,
    SUM(complete_days) = 7 AS is_complete
FROM numbered
GROUP BY source, symbol, quote_currency, opens_at
