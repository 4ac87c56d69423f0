-- queries/daily_prices_of_window
-- The marts' daily prices of a window.
SELECT
    source,
    symbol,
    quote_currency,
    price_date,
    candles,
    expected_candles,
    close_price,
    base_volume,
    vwap,
    return_1d
FROM crypto_views.daily
WHERE
    price_date >= {{ window(ti).start | literal }}
    AND price_date < {{ window(ti).end | literal }}
ORDER BY symbol, source, quote_currency, price_date
