-- What became of a load that is gone, such as a replaced attempt, is no matter any more.
DELETE FROM crypto.data_quality_results
WHERE batch_id NOT IN (SELECT batch_id FROM crypto.etl_metadata)
