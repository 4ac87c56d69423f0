-- What nobody has asked for is found anew.
DELETE FROM crypto.candle_gaps
WHERE
    reason = 'unfetched'
    AND observed_at >= {{ params.start | literal }}
    AND observed_at < {{ params.end | literal }}
    AND candle_interval = {{ settings().candle_interval | literal }}
