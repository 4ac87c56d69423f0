-- load/replace/compare_rows
-- Creates compared_rows: the rows of the window and the requested markets, all of which this load replaces or removes.
-- closed_as is NULL if the load confirms a row's values. The temporary table ends with the batch's session, because
-- SessionKeepAliveSeconds is not set:
-- https://docs.aws.amazon.com/redshift-data/latest/APIReference/API_BatchExecuteStatement.html
{% set sources = loaded(ti) %}
CREATE TEMP TABLE compared_rows AS
WITH present AS (
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
        batch_id,
        valid_from_load
    FROM crypto.fact_crypto_prices
    WHERE
        {% include 'shared/scope.jinja' %}
)

SELECT
    present.source,
    present.symbol,
    present.quote_currency,
    present.candle_interval,
    present.observed_at,
    present.batch_id,
    present.valid_from_load,
    CAST(CASE
        WHEN staged.source IS NULL THEN 'removed'
        WHEN
            present.open_price <> staged.open_price
            OR (present.open_price IS NULL) <> (staged.open_price IS NULL)
            OR present.high_price <> staged.high_price
            OR (present.high_price IS NULL) <> (staged.high_price IS NULL)
            OR present.low_price <> staged.low_price
            OR (present.low_price IS NULL) <> (staged.low_price IS NULL)
            OR present.close_price <> staged.close_price
            OR (present.close_price IS NULL) <> (staged.close_price IS NULL)
            OR present.base_volume <> staged.base_volume
            OR (present.base_volume IS NULL) <> (staged.base_volume IS NULL)
            OR present.quote_volume <> staged.quote_volume
            OR (present.quote_volume IS NULL) <> (staged.quote_volume IS NULL)
            OR present.trade_count <> staged.trade_count
            OR (present.trade_count IS NULL) <> (staged.trade_count IS NULL)
            OR present.market_cap <> staged.market_cap
            OR (present.market_cap IS NULL) <> (staged.market_cap IS NULL)
            THEN 'changed'
    END AS VARCHAR(8)) AS closed_as
FROM present
LEFT JOIN crypto.{{ batch(ti).staging_table | name }} AS staged
    ON
        present.source = staged.source
        AND present.symbol = staged.symbol
        AND present.quote_currency = staged.quote_currency
        AND present.candle_interval = staged.candle_interval
        AND present.observed_at = staged.observed_at
