-- load/history/mark_visible
-- The holder of the load lock sees only loads that have been committed. GETDATE() has whole seconds, so a second is
-- added: a load becomes visible late, never early. The times never decrease, even if the clock does.
UPDATE crypto.load_log
SET visible_at = GREATEST(DATEADD(SECOND, 1, GETDATE()), shown.last_at)
FROM (
    SELECT MAX(visible_at) AS last_at
    FROM crypto.load_log
) AS shown
WHERE load_log.visible_at IS NULL
