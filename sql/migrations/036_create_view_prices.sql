-- Candles know their close only when they end, so a view that shows a close also shows `closes_at`. Join and filter on
-- it: with the opening time, a query uses prices that were not known yet.
-- noqa: disable=ST06
CREATE OR REPLACE VIEW crypto_views.prices AS
SELECT
    source,
    symbol,
    quote_currency,
    candle_interval,
    observed_at AS opens_at,
    DATEADD(
        SECOND,
        CAST(LEFT(candle_interval, LEN(candle_interval) - 1) AS INTEGER)
        * CASE RIGHT(candle_interval, 1) WHEN 's' THEN 1 WHEN 'm' THEN 60 WHEN 'h' THEN 3600 ELSE 86400 END,
        observed_at
    ) AS closes_at,
    open_price,
    high_price,
    low_price,
    close_price,
    base_volume,
    quote_volume,
    trade_count,
    market_cap
FROM crypto.fact_crypto_prices
