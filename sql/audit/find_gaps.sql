-- audit/find_gaps
-- The ranges of missing candles that reach into the days.
SELECT
    source,
    starts_at,
    ends_at,
    reason,
    symbol || '/' || quote_currency AS market
FROM crypto.candle_gaps
WHERE
    starts_at < {{ params.end | literal }}
    AND ends_at > {{ params.start | literal }}
    AND candle_interval = {{ settings().candle_interval | literal }}
