-- The raw response and the load of each candle of a market on a day
SELECT
    source,
    symbol,
    quote_currency,
    observed_at,
    close_price,
    raw_object,
    ingested_at,
    batch_id
FROM ${table}
WHERE
    year = '2024'
    AND month = '01'
    AND day = '05'
    AND symbol = 'BTC'
ORDER BY source, quote_currency, observed_at
