-- receipts/find_load_as_of
-- The newest load that was visible at a time, and the newest load of all. NULL: none was.
SELECT
    MAX(CASE WHEN visible_at <= {{ question.known_at | literal }} THEN load_number END) AS load_number,
    MAX(load_number) AS newest_load
FROM crypto.load_log
