-- receipts/find_versions
-- The former versions of the candle, oldest first.
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
    base_volume,
    quote_volume,
    trade_count,
    market_cap,
    raw_object,
    ingested_at,
    batch_id,
    valid_from_load,
    valid_to_load,
    closed_as
FROM crypto.price_versions
WHERE
    observed_at = {{ question.observed_at | literal }}
    AND source = {{ question.source | literal }}
    AND symbol = {{ question.symbol | literal }}
    AND quote_currency = {{ question.quote_currency | literal }}
    AND candle_interval = {{ question.candle_interval | literal }}
ORDER BY valid_from_load, valid_to_load
