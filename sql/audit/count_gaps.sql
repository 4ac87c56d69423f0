-- audit/count_gaps
-- Counts the known missing candles by market, day and reason.
SELECT
    source,
    CAST(observed_at AS DATE) AS observed_on,
    reason,
    symbol || '/' || quote_currency AS market,
    COUNT(*) AS gap_total
FROM crypto.candle_gaps
WHERE
    observed_at >= {{ params.start | literal }}
    AND observed_at < {{ params.end | literal }}
    AND candle_interval = {{ settings().candle_interval | literal }}
GROUP BY source, symbol || '/' || quote_currency, CAST(observed_at AS DATE), reason
