-- load/quality/delete_forgotten_quality_results
-- Deletes the results of loads that no longer exist, such as replaced attempts.
DELETE FROM crypto.data_quality_results
WHERE batch_id NOT IN (SELECT batch_id FROM crypto.etl_metadata)
