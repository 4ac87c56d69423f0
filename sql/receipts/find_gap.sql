-- receipts/find_gap
-- The recorded reason why the candle is missing.
SELECT
    starts_at,
    ends_at,
    candles,
    reason,
    noted_at
FROM crypto.candle_gaps
WHERE
    starts_at <= {{ question.observed_at | literal }}
    AND ends_at > {{ question.observed_at | literal }}
    AND source = {{ question.source | literal }}
    AND symbol = {{ question.symbol | literal }}
    AND quote_currency = {{ question.quote_currency | literal }}
    AND candle_interval = {{ question.candle_interval | literal }}
