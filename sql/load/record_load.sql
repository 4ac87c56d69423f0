-- The load is complete when the warehouse counted what the Glue job curated; otherwise the row stays as the merge left
-- it, and reconcile says which figures differ.
UPDATE crypto.etl_metadata
SET
    status = 'loaded',
    recorded_at = GETDATE()
WHERE
    batch_id = {{ batch(ti).batch_id | literal }}
    AND rows_staged = rows_curated
    AND rows_merged = rows_curated
    AND rows_in_window = rows_curated
