-- receipts/find_curated_row
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
    batch_id
FROM curated_rows
WHERE
    observed_at = {{ question.observed_at | literal }}
    AND source = {{ question.source | literal }}
    AND symbol = {{ question.symbol | literal }}
    AND quote_currency = {{ question.quote_currency | literal }}
    AND candle_interval = {{ question.candle_interval | literal }}
