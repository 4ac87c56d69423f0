-- Reasons of gaps change outside of loads, so this view reads them when it is queried. A market whose candles were all
-- removed, or that never had one, is only in crypto.candle_gaps.
-- noqa: disable=ST06
CREATE OR REPLACE VIEW crypto_views.market_coverage AS
WITH covered AS (
    SELECT
        source,
        symbol,
        quote_currency,
        candle_interval,
        MIN(observed_at) AS first_opens_at,
        DATEADD(
            SECOND,
            CAST(LEFT(candle_interval, LEN(candle_interval) - 1) AS INTEGER)
            * CASE RIGHT(candle_interval, 1) WHEN 's' THEN 1 WHEN 'm' THEN 60 WHEN 'h' THEN 3600 ELSE 86400 END,
            MAX(observed_at)
        ) AS last_closes_at,
        COUNT(*) AS candles
    FROM crypto.fact_crypto_prices
    GROUP BY source, symbol, quote_currency, candle_interval
),

gaps AS (
    SELECT
        source,
        symbol,
        quote_currency,
        candle_interval,
        reason,
        COUNT(*) AS gap_ranges,
        CAST(SUM(candles) AS BIGINT) AS missing_candles
    FROM crypto.candle_gaps
    GROUP BY source, symbol, quote_currency, candle_interval, reason
)

SELECT
    COALESCE(covered.source, gaps.source) AS source, -- noqa: RF04
    COALESCE(covered.symbol, gaps.symbol) AS symbol,
    COALESCE(covered.quote_currency, gaps.quote_currency) AS quote_currency,
    COALESCE(covered.candle_interval, gaps.candle_interval) AS candle_interval,
    covered.first_opens_at,
    covered.last_closes_at,
    COALESCE(covered.candles, 0) AS candles,
    gaps.reason AS gap_reason,
    COALESCE(gaps.gap_ranges, 0) AS gap_ranges,
    COALESCE(gaps.missing_candles, 0) AS missing_candles
FROM covered
FULL JOIN gaps
    ON
        covered.source = gaps.source
        AND covered.symbol = gaps.symbol
        AND covered.quote_currency = gaps.quote_currency
        AND covered.candle_interval = gaps.candle_interval
