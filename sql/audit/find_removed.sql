-- audit/find_removed
-- The ranges of candles that a user removed and no load has brought back, of all days.
SELECT
    source,
    starts_at,
    ends_at,
    reason,
    symbol || '/' || quote_currency AS market
FROM crypto.candle_gaps
WHERE
    reason = 'removed'
    AND candle_interval = {{ settings().candle_interval | literal }}
