-- load/replace/hand_over
-- Earlier loads no longer own the rows that this load replaces. Loads that own rows in the window reach into it.
UPDATE crypto.etl_metadata
SET rows_owned = COALESCE(etl_metadata.rows_owned, etl_metadata.rows_merged) - replaced.row_total
FROM (
    SELECT
        batch_id,
        source,
        COUNT(*) AS row_total
    FROM compared_rows
    GROUP BY batch_id, source
) AS replaced
WHERE
    etl_metadata.window_start < {{ window(ti).end | literal }}
    AND etl_metadata.window_end > {{ window(ti).start | literal }}
    AND etl_metadata.batch_id = replaced.batch_id
    AND etl_metadata.source = replaced.source
