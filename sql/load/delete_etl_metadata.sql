-- A merge that is cleared loads the same batch again: its metadata is replaced, never added to.
DELETE FROM crypto.etl_metadata
WHERE batch_id = {{ report(ti).batch_id | literal }}
