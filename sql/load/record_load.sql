-- The run knows of its load, and the catalog shows it: what was merged by a statement whose answer was lost, or not
-- published, has no time here.
UPDATE crypto.etl_metadata
SET recorded_at = GETDATE()
WHERE batch_id = {{ report(ti).batch_id | literal }}
