-- rebuild/find_newest_load
-- The newest of the loads and removals that have a record.
SELECT
    load_number,
    MAX(batch_id) AS batch_id,
    MAX(merged_at) AS merged_at
FROM crypto.load_log
WHERE load_number <= {{ last_load | literal }}
GROUP BY load_number
ORDER BY load_number DESC
LIMIT 1
