-- A merge that is cleared judges the same batch again; what became of a load that is gone is no matter any more.
DELETE FROM crypto.data_quality_results
WHERE
    batch_id = {{ report(ti).batch_id | literal }}
    OR batch_id NOT IN (SELECT batch_id FROM crypto.etl_metadata)
