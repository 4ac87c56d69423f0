-- The last close of each market and day of a month
SELECT
    source,
    symbol,
    quote_currency,
    date(observed_at) AS price_date,
    max_by(close_price, observed_at) AS close_price,
    count(*) AS candles
FROM ${table}
WHERE
    year = '2024'
    AND month = '01'
    AND close_price IS NOT NULL
GROUP BY source, symbol, quote_currency, candle_interval, date(observed_at)
ORDER BY price_date, source, symbol
