-- receipts/find_day_candles
-- The candles of the day and of the day before, oldest first: the inputs of the mart's row.
SELECT
    candle_interval,
    observed_at,
    open_price,
    high_price,
    low_price,
    close_price,
    base_volume,
    quote_volume,
    trade_count,
    valid_from_load
FROM crypto.fact_crypto_prices
WHERE
    observed_at >= DATEADD(DAY, -1, CAST({{ question.day | literal }} AS DATE))
    AND observed_at < DATEADD(DAY, 1, CAST({{ question.day | literal }} AS DATE))
    AND source = {{ question.source | literal }}
    AND symbol = {{ question.symbol | literal }}
    AND quote_currency = {{ question.quote_currency | literal }}
    AND close_price IS NOT NULL
ORDER BY observed_at, candle_interval
