-- load/quality/delete_data_quality_results
-- A cleared merge checks the same batch again.
DELETE FROM crypto.data_quality_results
WHERE batch_id = {{ report(ti).batch_id | literal }}
