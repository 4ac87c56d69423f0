-- marts/find_work
-- What the marts contain, and the loads that they do not contain yet.
SELECT
    marts.through_load,
    marts.marts_digest,
    loads.newest_load,
    loads.new_loads,
    loads.first_day,
    loads.end_day
FROM crypto.mart_state AS marts
CROSS JOIN (
    SELECT
        COALESCE(MAX(entries.load_number), 0) AS newest_load,
        COUNT(DISTINCT CASE WHEN entries.load_number > known.through_load THEN entries.load_number END) AS new_loads,
        MIN(CASE WHEN entries.load_number > known.through_load THEN entries.window_start END) AS first_day,
        MAX(CASE WHEN entries.load_number > known.through_load THEN entries.window_end END) AS end_day
    FROM crypto.load_log AS entries
    CROSS JOIN crypto.mart_state AS known
) AS loads
