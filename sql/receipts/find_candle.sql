-- receipts/find_candle
-- The candle as it is now. The key is not enforced, so there could be several.
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
    valid_from_load
FROM crypto.fact_crypto_prices
WHERE
    observed_at = {{ question.observed_at | literal }}
    AND source = {{ question.source | literal }}
    AND symbol = {{ question.symbol | literal }}
    AND quote_currency = {{ question.quote_currency | literal }}
    AND candle_interval = {{ question.candle_interval | literal }}
