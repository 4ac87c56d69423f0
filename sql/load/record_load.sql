-- The run knows of its load: what was merged by a statement whose answer was lost has no time here.
UPDATE crypto.etl_metadata
SET recorded_at = GETDATE()
WHERE batch_id = {{ report(ti).batch_id | literal }}
