-- Every version of every candle: the present one (valid_to_load is NULL) and the former ones. As of a time, the
-- warehouse held the versions with known_at <= time AND (replaced_at IS NULL OR replaced_at > time). Both times are
-- those of crypto.load_log.visible_at: late, never early. So between a merge and its record_load, replaced_at is NULL
-- for the former version, too, and known_at is NULL for the present one. Queries restrict observed_at to a range, so
-- that scans skip blocks.
CREATE OR REPLACE VIEW crypto.price_history AS
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
        raw_object,
        ingested_at,
        batch_id,
        valid_from_load,
        CAST(NULL AS BIGINT) AS valid_to_load,
        CAST(NULL AS VARCHAR(8)) AS closed_as
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
        raw_object,
        ingested_at,
        batch_id,
        valid_from_load,
        valid_to_load,
        CAST(closed_as AS VARCHAR(8)) AS closed_as
    FROM crypto.price_versions
),

-- Rows from before the log became known before its first load.
first_load AS (
    SELECT MIN(visible_at) AS visible_at
    FROM crypto.load_log
)

SELECT
    versions.source,
    versions.symbol,
    versions.quote_currency,
    versions.candle_interval,
    versions.observed_at,
    versions.open_price,
    versions.high_price,
    versions.low_price,
    versions.close_price,
    versions.base_volume,
    versions.quote_volume,
    versions.trade_count,
    versions.market_cap,
    versions.raw_object,
    versions.ingested_at,
    versions.batch_id,
    versions.valid_from_load,
    versions.valid_to_load,
    versions.closed_as,
    closed.visible_at AS replaced_at,
    CASE WHEN versions.valid_from_load = 0 THEN first_load.visible_at ELSE opened.visible_at END AS known_at
FROM versions
CROSS JOIN first_load
LEFT JOIN crypto.load_log AS opened
    ON
        versions.valid_from_load = opened.load_number
        AND versions.source = opened.source
LEFT JOIN crypto.load_log AS closed
    ON
        versions.valid_to_load = closed.load_number
        AND versions.source = closed.source
