-- load/history/mark_visible
-- The holder of the load lock sees only loads that have been committed. GETDATE() has whole seconds, so a second is
-- added: a load becomes visible late, never early. The times never decrease, even if the clock does. Redshift joins the
-- target of an UPDATE to its source by equality only: https://docs.aws.amazon.com/redshift/latest/dg/r_UPDATE.html
UPDATE crypto.load_log
SET visible_at = GREATEST(DATEADD(SECOND, 1, GETDATE()), shown.last_at)
FROM (
    SELECT
        load_number,
        source,
        MAX(visible_at) OVER () AS last_at
    FROM crypto.load_log
) AS shown
WHERE
    load_log.load_number = shown.load_number
    AND load_log.source = shown.source
    AND load_log.visible_at IS NULL
