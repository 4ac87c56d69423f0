-- records/find_newest_load from {{ window_start | literal }} to {{ window_end | literal }}
-- The number of the newest load or removal that is known to be committed.
SELECT COALESCE(MAX(load_number), 0) AS newest_load
FROM crypto.load_log
WHERE visible_at IS NOT NULL
