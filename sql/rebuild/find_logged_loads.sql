-- rebuild/find_logged_loads
-- The loads and removals that the warehouse has.
SELECT
    load_number,
    MAX(batch_id) AS batch_id,
    MAX(merged_at) AS merged_at,
    MAX(CASE WHEN rebuilt_from = 'manifest' THEN 1 ELSE 0 END) AS is_guessed
FROM crypto.load_log
GROUP BY load_number
ORDER BY load_number
