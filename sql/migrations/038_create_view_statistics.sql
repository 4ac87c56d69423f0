-- The drawdown against the highest close of all time is here and not in the table, because a new close changes it on
-- every later day.
-- noqa: disable=ST06
CREATE OR REPLACE VIEW crypto_views.statistics AS
WITH highest AS (
    SELECT
        source,
        symbol,
        quote_currency,
        price_date,
        close_price,
        MAX(close_price) OVER (
            PARTITION BY source, symbol, quote_currency
            ORDER BY price_date
            ROWS UNBOUNDED PRECEDING
        ) AS highest_close
    FROM crypto.daily_prices
)

SELECT
    stats.source,
    stats.symbol,
    stats.quote_currency,
    stats.price_date,
    DATEADD(DAY, 1, CAST(stats.price_date AS TIMESTAMP)) AS closes_at,
    stats.sma_30,
    stats.sma_90,
    stats.returns_30,
    stats.returns_90,
    stats.volatility_30,
    stats.volatility_90,
    stats.drawdown_365,
    CASE
        WHEN highest.highest_close > 0
            THEN CAST(highest.close_price AS DOUBLE PRECISION) / CAST(highest.highest_close AS DOUBLE PRECISION) - 1
    END AS drawdown_all,
    stats.through_load
FROM crypto.price_statistics AS stats
INNER JOIN highest
    ON
        stats.source = highest.source
        AND stats.symbol = highest.symbol
        AND stats.quote_currency = highest.quote_currency
        AND stats.price_date = highest.price_date
