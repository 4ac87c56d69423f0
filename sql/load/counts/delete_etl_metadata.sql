-- load/counts/delete_etl_metadata
-- A cleared merge loads the same batch again, so its metadata is replaced.
DELETE FROM crypto.etl_metadata
WHERE batch_id = {{ report(ti).batch_id | literal }}
