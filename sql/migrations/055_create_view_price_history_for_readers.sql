-- Every version of every candle for analysts: crypto.price_history without the columns of the platform. As of a time,
-- the warehouse held the versions with known_at <= time AND (replaced_at IS NULL OR replaced_at > time). Queries
-- restrict opens_at to a range, so that scans skip blocks.
-- noqa: disable=ST06
CREATE OR REPLACE VIEW crypto_views.price_history AS
SELECT
    source,
    symbol,
    quote_currency,
    candle_interval,
    observed_at AS opens_at,
    DATEADD(
        SECOND,
        CAST(LEFT(candle_interval, LEN(candle_interval) - 1) AS INTEGER)
        * CASE RIGHT(candle_interval, 1) WHEN 's' THEN 1 WHEN 'm' THEN 60 WHEN 'h' THEN 3600 ELSE 86400 END,
        observed_at
    ) AS closes_at,
    open_price,
    high_price,
    low_price,
    close_price,
    base_volume,
    quote_volume,
    trade_count,
    market_cap,
    valid_from_load,
    valid_to_load,
    closed_as,
    known_at,
    replaced_at
FROM crypto.price_history
