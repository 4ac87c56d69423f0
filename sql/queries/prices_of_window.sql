-- queries/prices_of_window
-- Every candle of a window.
SELECT
    source,
    symbol,
    quote_currency,
    candle_interval,
    observed_at,
    open_price,
    high_price,
    low_price,
    close_price,
    base_volume
FROM crypto.fact_crypto_prices
WHERE
    observed_at >= {{ window(ti).start | literal }}
    AND observed_at < {{ window(ti).end | literal }}
ORDER BY source, symbol, quote_currency, observed_at
