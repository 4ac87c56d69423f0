-- load/history/insert_price_versions
-- Keeps the values that this load replaces or removes, before it does. A load that changes nothing adds no row.
INSERT INTO crypto.price_versions (
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
)
SELECT
    fact.source,
    fact.symbol,
    fact.quote_currency,
    fact.candle_interval,
    fact.observed_at,
    fact.open_price,
    fact.high_price,
    fact.low_price,
    fact.close_price,
    fact.base_volume,
    fact.quote_volume,
    fact.trade_count,
    fact.market_cap,
    fact.raw_object,
    fact.ingested_at,
    fact.batch_id,
    fact.valid_from_load,
    load_counter.last_load_number AS valid_to_load,
    compared.closed_as
FROM crypto.fact_crypto_prices AS fact
INNER JOIN compared_rows AS compared
    ON
        fact.source = compared.source
        AND fact.symbol = compared.symbol
        AND fact.quote_currency = compared.quote_currency
        AND fact.candle_interval = compared.candle_interval
        AND fact.observed_at = compared.observed_at
CROSS JOIN crypto.load_counter
WHERE
    fact.observed_at >= {{ window(ti).start | literal }}
    AND fact.observed_at < {{ window(ti).end | literal }}
    AND compared.closed_as IS NOT NULL
