-- One row per value that a load or a removal changed after it was loaded: which, from, to, when, by which load, by how
-- much. A removed candle has no new values. The texts are exact; difference and change_share are DOUBLE PRECISION.
CREATE OR REPLACE VIEW crypto.restatements AS
WITH versions AS (
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
        valid_from_load
    FROM crypto.fact_crypto_prices
    UNION ALL
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
        valid_from_load
    FROM crypto.price_versions
),

replaced AS (
    SELECT
        former.source,
        former.symbol,
        former.quote_currency,
        former.candle_interval,
        former.observed_at,
        former.closed_as,
        former.valid_from_load,
        former.valid_to_load,
        former.open_price AS old_open_price,
        later.open_price AS new_open_price,
        former.high_price AS old_high_price,
        later.high_price AS new_high_price,
        former.low_price AS old_low_price,
        later.low_price AS new_low_price,
        former.close_price AS old_close_price,
        later.close_price AS new_close_price,
        former.base_volume AS old_base_volume,
        later.base_volume AS new_base_volume,
        former.quote_volume AS old_quote_volume,
        later.quote_volume AS new_quote_volume,
        former.trade_count AS old_trade_count,
        later.trade_count AS new_trade_count,
        former.market_cap AS old_market_cap,
        later.market_cap AS new_market_cap
    FROM crypto.price_versions AS former
    LEFT JOIN versions AS later
        ON
            former.source = later.source
            AND former.symbol = later.symbol
            AND former.quote_currency = later.quote_currency
            AND former.candle_interval = later.candle_interval
            AND former.observed_at = later.observed_at
            AND former.valid_to_load = later.valid_from_load
),

restated AS (
    SELECT
        source,
        symbol,
        quote_currency,
        candle_interval,
        observed_at,
        closed_as,
        valid_from_load,
        valid_to_load,
        CAST('open_price' AS VARCHAR(16)) AS changed_column,
        CAST(old_open_price AS VARCHAR(64)) AS old_value,
        CAST(new_open_price AS VARCHAR(64)) AS new_value,
        CAST(old_open_price AS DOUBLE PRECISION) AS old_number,
        CAST(new_open_price AS DOUBLE PRECISION) AS new_number
    FROM replaced
    WHERE old_open_price <> new_open_price OR (old_open_price IS NULL) <> (new_open_price IS NULL)
    UNION ALL
    SELECT
        source,
        symbol,
        quote_currency,
        candle_interval,
        observed_at,
        closed_as,
        valid_from_load,
        valid_to_load,
        CAST('high_price' AS VARCHAR(16)) AS changed_column,
        CAST(old_high_price AS VARCHAR(64)) AS old_value,
        CAST(new_high_price AS VARCHAR(64)) AS new_value,
        CAST(old_high_price AS DOUBLE PRECISION) AS old_number,
        CAST(new_high_price AS DOUBLE PRECISION) AS new_number
    FROM replaced
    WHERE old_high_price <> new_high_price OR (old_high_price IS NULL) <> (new_high_price IS NULL)
    UNION ALL
    SELECT
        source,
        symbol,
        quote_currency,
        candle_interval,
        observed_at,
        closed_as,
        valid_from_load,
        valid_to_load,
        CAST('low_price' AS VARCHAR(16)) AS changed_column,
        CAST(old_low_price AS VARCHAR(64)) AS old_value,
        CAST(new_low_price AS VARCHAR(64)) AS new_value,
        CAST(old_low_price AS DOUBLE PRECISION) AS old_number,
        CAST(new_low_price AS DOUBLE PRECISION) AS new_number
    FROM replaced
    WHERE old_low_price <> new_low_price OR (old_low_price IS NULL) <> (new_low_price IS NULL)
    UNION ALL
    SELECT
        source,
        symbol,
        quote_currency,
        candle_interval,
        observed_at,
        closed_as,
        valid_from_load,
        valid_to_load,
        CAST('close_price' AS VARCHAR(16)) AS changed_column,
        CAST(old_close_price AS VARCHAR(64)) AS old_value,
        CAST(new_close_price AS VARCHAR(64)) AS new_value,
        CAST(old_close_price AS DOUBLE PRECISION) AS old_number,
        CAST(new_close_price AS DOUBLE PRECISION) AS new_number
    FROM replaced
    WHERE old_close_price <> new_close_price OR (old_close_price IS NULL) <> (new_close_price IS NULL)
    UNION ALL
    SELECT
        source,
        symbol,
        quote_currency,
        candle_interval,
        observed_at,
        closed_as,
        valid_from_load,
        valid_to_load,
        CAST('base_volume' AS VARCHAR(16)) AS changed_column,
        CAST(old_base_volume AS VARCHAR(64)) AS old_value,
        CAST(new_base_volume AS VARCHAR(64)) AS new_value,
        CAST(old_base_volume AS DOUBLE PRECISION) AS old_number,
        CAST(new_base_volume AS DOUBLE PRECISION) AS new_number
    FROM replaced
    WHERE old_base_volume <> new_base_volume OR (old_base_volume IS NULL) <> (new_base_volume IS NULL)
    UNION ALL
    SELECT
        source,
        symbol,
        quote_currency,
        candle_interval,
        observed_at,
        closed_as,
        valid_from_load,
        valid_to_load,
        CAST('quote_volume' AS VARCHAR(16)) AS changed_column,
        CAST(old_quote_volume AS VARCHAR(64)) AS old_value,
        CAST(new_quote_volume AS VARCHAR(64)) AS new_value,
        CAST(old_quote_volume AS DOUBLE PRECISION) AS old_number,
        CAST(new_quote_volume AS DOUBLE PRECISION) AS new_number
    FROM replaced
    WHERE old_quote_volume <> new_quote_volume OR (old_quote_volume IS NULL) <> (new_quote_volume IS NULL)
    UNION ALL
    SELECT
        source,
        symbol,
        quote_currency,
        candle_interval,
        observed_at,
        closed_as,
        valid_from_load,
        valid_to_load,
        CAST('trade_count' AS VARCHAR(16)) AS changed_column,
        CAST(old_trade_count AS VARCHAR(64)) AS old_value,
        CAST(new_trade_count AS VARCHAR(64)) AS new_value,
        CAST(old_trade_count AS DOUBLE PRECISION) AS old_number,
        CAST(new_trade_count AS DOUBLE PRECISION) AS new_number
    FROM replaced
    WHERE old_trade_count <> new_trade_count OR (old_trade_count IS NULL) <> (new_trade_count IS NULL)
    UNION ALL
    SELECT
        source,
        symbol,
        quote_currency,
        candle_interval,
        observed_at,
        closed_as,
        valid_from_load,
        valid_to_load,
        CAST('market_cap' AS VARCHAR(16)) AS changed_column,
        CAST(old_market_cap AS VARCHAR(64)) AS old_value,
        CAST(new_market_cap AS VARCHAR(64)) AS new_value,
        CAST(old_market_cap AS DOUBLE PRECISION) AS old_number,
        CAST(new_market_cap AS DOUBLE PRECISION) AS new_number
    FROM replaced
    WHERE old_market_cap <> new_market_cap OR (old_market_cap IS NULL) <> (new_market_cap IS NULL)
)

SELECT
    restated.source,
    restated.symbol,
    restated.quote_currency,
    restated.candle_interval,
    restated.observed_at,
    restated.changed_column,
    restated.old_value,
    restated.new_value,
    restated.closed_as,
    restated.valid_from_load AS old_load,
    restated.valid_to_load AS new_load,
    loads.batch_id,
    loads.merged_at,
    loads.visible_at,
    loads.removed_by,
    loads.removed_because,
    restated.new_number - restated.old_number AS difference,
    (restated.new_number - restated.old_number) / NULLIF(restated.old_number, 0) AS change_share
FROM restated
INNER JOIN crypto.load_log AS loads
    ON
        restated.valid_to_load = loads.load_number
        AND restated.source = loads.source
