-- receipts/find_daily_prices
-- The mart's row of the day and of the day before, oldest first.
SELECT
    price_date,
    candle_interval,
    open_price,
    high_price,
    low_price,
    close_price,
    close_observed_at,
    base_volume,
    quote_volume,
    trade_count,
    vwap,
    vwap_method,
    candles,
    expected_candles,
    traded_candles,
    is_complete,
    return_1d,
    log_return,
    through_load
FROM crypto.daily_prices
WHERE
    price_date >= DATEADD(DAY, -1, CAST({{ question.day | literal }} AS DATE))
    AND price_date <= {{ question.day | literal }}
    AND source = {{ question.source | literal }}
    AND symbol = {{ question.symbol | literal }}
    AND quote_currency = {{ question.quote_currency | literal }}
ORDER BY price_date
