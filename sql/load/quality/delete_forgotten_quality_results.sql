-- load/quality/delete_forgotten_quality_results
-- Deletes the results of this run's earlier attempts at the window whose metadata was deleted. All names of a batch's
-- attempts begin with the batch's name and "-", which "." follows in ASCII.
DELETE FROM crypto.data_quality_results
WHERE
    batch_id >= {{ (batch(ti).batch_id ~ '-') | literal }}
    AND batch_id < {{ (batch(ti).batch_id ~ '.') | literal }}
    AND batch_id NOT IN (
        SELECT loads.batch_id
        FROM crypto.etl_metadata AS loads
        WHERE
            loads.batch_id >= {{ (batch(ti).batch_id ~ '-') | literal }}
            AND loads.batch_id < {{ (batch(ti).batch_id ~ '.') | literal }}
    )
