-- publish/record_load
-- Marks the load as published. recorded_at stays NULL if the merge's response was lost or the load was not published.
UPDATE crypto.etl_metadata
SET recorded_at = GETDATE()
WHERE batch_id = {{ report(ti).batch_id | literal }}
