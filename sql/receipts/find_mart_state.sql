-- receipts/find_mart_state
-- The newest load that the marts contain, and the newest load of the source that contains the day or the day before.
SELECT
    mart_state.through_load,
    newest.load_number
FROM crypto.mart_state
CROSS JOIN (
    SELECT COALESCE(MAX(load_number), 0) AS load_number
    FROM crypto.load_log
    WHERE
        source = {{ question.source | literal }}
        AND window_start <= {{ question.day | literal }}
        AND window_end >= {{ question.day | literal }}
) AS newest
