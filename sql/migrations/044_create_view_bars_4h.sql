-- Bars of four hours, from the candles of the interval that crypto.daily_prices uses on that day, if four hours are a
-- whole number of such candles.
-- A sum is NULL unless every candle has the value. A value whose sum might not fit into its type counts as NULL.
-- noqa: disable=ST06
CREATE OR REPLACE VIEW crypto_views.bars_4h AS
WITH candles AS (
    SELECT
        fact.source,
        fact.symbol,
        fact.quote_currency,
        DATEADD(
            HOUR,
            CAST(EXTRACT(HOUR FROM fact.observed_at) AS INTEGER) / 4 * 4,
            DATE_TRUNC('day', fact.observed_at)
        ) AS opens_at,
        fact.observed_at,
        fact.open_price,
        fact.high_price,
        fact.low_price,
        fact.close_price,
        fact.base_volume,
        fact.quote_volume,
        fact.trade_count,
        daily.expected_candles / 6 AS expected_candles
    FROM crypto.fact_crypto_prices AS fact
    INNER JOIN crypto.daily_prices AS daily
        ON
            fact.source = daily.source
            AND fact.symbol = daily.symbol
            AND fact.quote_currency = daily.quote_currency
            AND fact.candle_interval = daily.candle_interval
            AND CAST(fact.observed_at AS DATE) = daily.price_date
    WHERE
        fact.close_price IS NOT NULL
        AND MOD(daily.expected_candles, 6) = 0
),

numbered AS (
    SELECT
        source,
        symbol,
        quote_currency,
        opens_at,
        open_price,
        high_price,
        low_price,
        close_price,
        CASE
            WHEN ABS(CAST(base_volume AS DOUBLE PRECISION)) * expected_candles < 90000000000000000000
                THEN base_volume
        END AS base_volume,
        CASE
            WHEN ABS(CAST(quote_volume AS DOUBLE PRECISION)) * expected_candles < 90000000000000000000
                THEN quote_volume
        END AS quote_volume,
        CASE
            WHEN ABS(CAST(trade_count AS DOUBLE PRECISION)) * expected_candles < 9000000000000000000
                THEN trade_count
        END AS trade_count,
        expected_candles,
        ROW_NUMBER() OVER (
            PARTITION BY source, symbol, quote_currency, opens_at ORDER BY observed_at
        ) AS from_first,
        ROW_NUMBER() OVER (
            PARTITION BY source, symbol, quote_currency, opens_at ORDER BY observed_at DESC
        ) AS from_last
    FROM candles
)

SELECT
    source,
    symbol,
    quote_currency,
    opens_at,
    DATEADD(HOUR, 4, opens_at) AS closes_at,
    MAX(CASE WHEN from_first = 1 THEN open_price END) AS open_price,
    MAX(high_price) AS high_price,
    MIN(low_price) AS low_price,
    MAX(CASE WHEN from_last = 1 THEN close_price END) AS close_price,
    CASE WHEN COUNT(base_volume) = COUNT(*) THEN SUM(base_volume) END AS base_volume,
    CASE WHEN COUNT(quote_volume) = COUNT(*) THEN SUM(quote_volume) END AS quote_volume,
    CASE WHEN COUNT(trade_count) = COUNT(*) THEN CAST(SUM(trade_count) AS BIGINT) END AS trade_count,
    COUNT(*) AS candles,
    COUNT(*) = MAX(expected_candles) AS is_complete
FROM numbered
GROUP BY source, symbol, quote_currency, opens_at
