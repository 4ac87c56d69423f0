-- load/replace/merge_staged_rows
MERGE INTO crypto.fact_crypto_prices
USING crypto.{{ batch(ti).staging_table | name }} AS staged
    ON
        fact_crypto_prices.source = staged.source
        AND fact_crypto_prices.symbol = staged.symbol
        AND fact_crypto_prices.quote_currency = staged.quote_currency
        AND fact_crypto_prices.candle_interval = staged.candle_interval
        AND fact_crypto_prices.observed_at = staged.observed_at
WHEN MATCHED THEN
    UPDATE
        SET
            open_price = staged.open_price,
            high_price = staged.high_price,
            low_price = staged.low_price,
            close_price = staged.close_price,
            base_volume = staged.base_volume,
            quote_volume = staged.quote_volume,
            trade_count = staged.trade_count,
            market_cap = staged.market_cap,
            raw_object = staged.raw_object,
            ingested_at = staged.ingested_at,
            batch_id = staged.batch_id
WHEN NOT MATCHED THEN INSERT (
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
) VALUES (
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
    staged.batch_id
)
