CREATE OR REPLACE VIEW crypto_views.venues AS
SELECT
    source,
    symbol,
    quote_currency,
    hour_end AS closes_at,
    candle_interval,
    price,
    base_volume,
    usd_rate,
    usd_price,
    deviation_bps,
    deviates,
    counts,
    is_weak,
    left_out,
    through_load
FROM crypto.venue_prices
