-- One row per value that a load or a removal changed after it was loaded: which, from, to, when, by which load, by how
-- much. A removed candle has no new values. The texts are exact; difference and change_share are DOUBLE PRECISION.
-- Queries restrict observed_at to a range, so that scans skip blocks. The range reaches each table because a GROUP BY
-- brings the old and the new values together. In a join it would reach only one side, and a CTE that is read several
-- times may be calculated before the range applies.
CREATE OR REPLACE VIEW crypto.restatements AS
-- Each former version ends with a load, and each version begins with one.
WITH ends_and_beginnings AS (
    SELECT
        source,
        symbol,
        quote_currency,
        candle_interval,
        observed_at,
        valid_to_load AS load_number,
        valid_from_load AS old_load,
        closed_as,
        open_price,
        high_price,
        low_price,
        close_price,
        base_volume,
        quote_volume,
        trade_count,
        market_cap
    FROM crypto.price_versions
    UNION ALL
    SELECT
        source,
        symbol,
        quote_currency,
        candle_interval,
        observed_at,
        valid_from_load AS load_number,
        CAST(NULL AS BIGINT) AS old_load,
        CAST(NULL AS VARCHAR(8)) AS closed_as,
        open_price,
        high_price,
        low_price,
        close_price,
        base_volume,
        quote_volume,
        trade_count,
        market_cap
    FROM crypto.price_versions
    UNION ALL
    SELECT
        source,
        symbol,
        quote_currency,
        candle_interval,
        observed_at,
        valid_from_load AS load_number,
        CAST(NULL AS BIGINT) AS old_load,
        CAST(NULL AS VARCHAR(8)) AS closed_as,
        open_price,
        high_price,
        low_price,
        close_price,
        base_volume,
        quote_volume,
        trade_count,
        market_cap
    FROM crypto.fact_crypto_prices
),

replaced AS (
    SELECT
        source,
        symbol,
        quote_currency,
        candle_interval,
        observed_at,
        load_number,
        MAX(old_load) AS old_load,
        MAX(closed_as) AS closed_as,
        MAX(CASE WHEN old_load IS NOT NULL THEN open_price END) AS old_open_price,
        MAX(CASE WHEN old_load IS NULL THEN open_price END) AS new_open_price,
        MAX(CASE WHEN old_load IS NOT NULL THEN high_price END) AS old_high_price,
        MAX(CASE WHEN old_load IS NULL THEN high_price END) AS new_high_price,
        MAX(CASE WHEN old_load IS NOT NULL THEN low_price END) AS old_low_price,
        MAX(CASE WHEN old_load IS NULL THEN low_price END) AS new_low_price,
        MAX(CASE WHEN old_load IS NOT NULL THEN close_price END) AS old_close_price,
        MAX(CASE WHEN old_load IS NULL THEN close_price END) AS new_close_price,
        MAX(CASE WHEN old_load IS NOT NULL THEN base_volume END) AS old_base_volume,
        MAX(CASE WHEN old_load IS NULL THEN base_volume END) AS new_base_volume,
        MAX(CASE WHEN old_load IS NOT NULL THEN quote_volume END) AS old_quote_volume,
        MAX(CASE WHEN old_load IS NULL THEN quote_volume END) AS new_quote_volume,
        MAX(CASE WHEN old_load IS NOT NULL THEN trade_count END) AS old_trade_count,
        MAX(CASE WHEN old_load IS NULL THEN trade_count END) AS new_trade_count,
        MAX(CASE WHEN old_load IS NOT NULL THEN market_cap END) AS old_market_cap,
        MAX(CASE WHEN old_load IS NULL THEN market_cap END) AS new_market_cap
    FROM ends_and_beginnings
    GROUP BY source, symbol, quote_currency, candle_interval, observed_at, load_number
    HAVING MAX(old_load) IS NOT NULL
),

value_columns AS (
    SELECT CAST('open_price' AS VARCHAR(16)) AS changed_column
    UNION ALL
    SELECT CAST('high_price' AS VARCHAR(16)) AS changed_column
    UNION ALL
    SELECT CAST('low_price' AS VARCHAR(16)) AS changed_column
    UNION ALL
    SELECT CAST('close_price' AS VARCHAR(16)) AS changed_column
    UNION ALL
    SELECT CAST('base_volume' AS VARCHAR(16)) AS changed_column
    UNION ALL
    SELECT CAST('quote_volume' AS VARCHAR(16)) AS changed_column
    UNION ALL
    SELECT CAST('trade_count' AS VARCHAR(16)) AS changed_column
    UNION ALL
    SELECT CAST('market_cap' AS VARCHAR(16)) AS changed_column
),

all_values AS (
    SELECT
        replaced.source,
        replaced.symbol,
        replaced.quote_currency,
        replaced.candle_interval,
        replaced.observed_at,
        replaced.load_number,
        replaced.old_load,
        replaced.closed_as,
        value_columns.changed_column,
        CASE value_columns.changed_column
            WHEN 'open_price' THEN CAST(replaced.old_open_price AS VARCHAR(64))
            WHEN 'high_price' THEN CAST(replaced.old_high_price AS VARCHAR(64))
            WHEN 'low_price' THEN CAST(replaced.old_low_price AS VARCHAR(64))
            WHEN 'close_price' THEN CAST(replaced.old_close_price AS VARCHAR(64))
            WHEN 'base_volume' THEN CAST(replaced.old_base_volume AS VARCHAR(64))
            WHEN 'quote_volume' THEN CAST(replaced.old_quote_volume AS VARCHAR(64))
            WHEN 'trade_count' THEN CAST(replaced.old_trade_count AS VARCHAR(64))
            WHEN 'market_cap' THEN CAST(replaced.old_market_cap AS VARCHAR(64))
        END AS old_value,
        CASE value_columns.changed_column
            WHEN 'open_price' THEN CAST(replaced.new_open_price AS VARCHAR(64))
            WHEN 'high_price' THEN CAST(replaced.new_high_price AS VARCHAR(64))
            WHEN 'low_price' THEN CAST(replaced.new_low_price AS VARCHAR(64))
            WHEN 'close_price' THEN CAST(replaced.new_close_price AS VARCHAR(64))
            WHEN 'base_volume' THEN CAST(replaced.new_base_volume AS VARCHAR(64))
            WHEN 'quote_volume' THEN CAST(replaced.new_quote_volume AS VARCHAR(64))
            WHEN 'trade_count' THEN CAST(replaced.new_trade_count AS VARCHAR(64))
            WHEN 'market_cap' THEN CAST(replaced.new_market_cap AS VARCHAR(64))
        END AS new_value
    FROM replaced
    CROSS JOIN value_columns
),

restated AS (
    SELECT
        source,
        symbol,
        quote_currency,
        candle_interval,
        observed_at,
        load_number,
        old_load,
        changed_column,
        CAST(old_value AS VARCHAR(64)) AS old_value,
        CAST(new_value AS VARCHAR(64)) AS new_value,
        CAST(closed_as AS VARCHAR(8)) AS closed_as,
        CAST(old_value AS DOUBLE PRECISION) AS old_number,
        CAST(new_value AS DOUBLE PRECISION) AS new_number
    FROM all_values
    WHERE old_value <> new_value OR (old_value IS NULL) <> (new_value IS NULL)
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
    restated.old_load,
    restated.load_number AS new_load,
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
        restated.load_number = loads.load_number
        AND restated.source = loads.source
