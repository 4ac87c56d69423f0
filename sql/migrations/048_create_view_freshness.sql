-- How far the marts are behind the loads.
CREATE OR REPLACE VIEW crypto_views.freshness AS
SELECT
    marts.through_load,
    marts.refreshed_at,
    loads.newest_load,
    COALESCE(loads.newest_load, 0) - marts.through_load AS loads_behind
FROM crypto.mart_state AS marts
CROSS JOIN (
    SELECT MAX(load_number) AS newest_load
    FROM crypto.load_log
) AS loads
