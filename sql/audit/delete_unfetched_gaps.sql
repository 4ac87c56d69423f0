-- audit/delete_unfetched_gaps
-- Deletes the gaps with the reason 'unfetched'. The next statement of the audit finds them again.
DELETE FROM crypto.candle_gaps
WHERE
    reason = 'unfetched'
    AND observed_at >= {{ params.start | literal }}
    AND observed_at < {{ params.end | literal }}
    AND candle_interval = {{ settings().candle_interval | literal }}
