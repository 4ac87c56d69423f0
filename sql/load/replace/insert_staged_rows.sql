-- load/replace/insert_staged_rows
-- Rows whose values are confirmed keep the load that gave them these values.
INSERT INTO crypto.fact_crypto_prices (
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
)
SELECT
    staged.source,
    staged.symbol,
    staged.quote_currency,
    staged.candle_interval,
    staged.observed_at,
    staged.open_price,
    staged.high_price,
    staged.low_price,
    staged.close_price,
    staged.base_volume,
    staged.quote_volume,
    staged.trade_count,
    staged.market_cap,
    staged.raw_object,
    staged.ingested_at,
    staged.batch_id,
    COALESCE(confirmed.valid_from_load, load_counter.last_load_number) AS valid_from_load
FROM crypto.{{ batch(ti).staging_table | name }} AS staged
CROSS JOIN crypto.load_counter
LEFT JOIN compared_rows AS confirmed
    ON
        staged.source = confirmed.source
        AND staged.symbol = confirmed.symbol
        AND staged.quote_currency = confirmed.quote_currency
        AND staged.candle_interval = confirmed.candle_interval
        AND staged.observed_at = confirmed.observed_at
        AND confirmed.closed_as IS NULL
