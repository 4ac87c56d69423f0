-- audit/find_differences
-- The differences that an earlier try of the audit has recorded.
SELECT
    source,
    observed_on,
    symbol || '/' || quote_currency AS market
FROM crypto.restatement_checks
WHERE
    run_id = {{ run_id | literal }}
    AND candle_interval = {{ settings().candle_interval | literal }}
    AND status = 'differs'
