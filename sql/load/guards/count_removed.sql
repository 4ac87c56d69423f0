-- load/guards/count_removed
-- Counts the rows that this load will delete. A usual load deletes none.
UPDATE crypto.etl_metadata
SET rows_removed = removed.row_total
FROM (
    SELECT
        source,
        COUNT(*) AS row_total
    FROM compared_rows
    WHERE closed_as = 'removed'
    GROUP BY source
) AS removed
WHERE
    etl_metadata.batch_id = {{ report(ti).batch_id | literal }}
    AND etl_metadata.source = removed.source
