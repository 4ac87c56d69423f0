-- A cleared run loads the same batch again: its metadata is replaced, never added to.
DELETE FROM crypto.etl_metadata
WHERE batch_id = {{ batch(ti).batch_id | literal }}
