-- One row per value that a load or a removal changed after it was loaded, for analysts. It does not have the name of
-- the user who removed candles.
-- noqa: disable=ST06
CREATE OR REPLACE VIEW crypto_views.restatements AS
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
    changed_column,
    old_value,
    new_value,
    difference,
    change_share,
    closed_as,
    old_load,
    new_load,
    visible_at,
    removed_because
FROM crypto.restatements
