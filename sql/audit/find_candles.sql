-- audit/find_candles
-- The loaded candles of some markets on one day.
SELECT
    source,
    symbol,
    quote_currency,
    observed_at,
    open_price,
    high_price,
    low_price,
    close_price,
    base_volume,
    quote_volume,
    trade_count,
    market_cap
FROM crypto.fact_crypto_prices
WHERE
    observed_at >= {{ params.start | literal }}
    AND observed_at < {{ params.end | literal }}
    AND candle_interval = {{ settings().candle_interval | literal }}
    AND source || '/' || symbol || '/' || quote_currency IN ({{ compared_markets | map('literal') | join(', ') }})
