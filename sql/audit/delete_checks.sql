-- audit/delete_checks
-- A cleared audit checks the same days again. Differences stay, because the first try may have had them reloaded.
DELETE FROM crypto.restatement_checks
WHERE
    run_id = {{ run_id | literal }}
    AND candle_interval = {{ settings().candle_interval | literal }}
    AND status <> 'differs'
