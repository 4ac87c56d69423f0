CREATE OR REPLACE VIEW crypto_views.gaps AS
SELECT
    source,
    symbol,
    quote_currency,
    candle_interval,
    starts_at,
    ends_at,
    candles,
    reason
FROM crypto.candle_gaps
