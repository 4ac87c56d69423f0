-- Raises an error when a staging table differs from the curation report. It runs as a separate task, and again as the
-- merge's first check, because clearing the merge alone does not run that task. A staging table may be empty if the
-- report counts no row, which happens if all records were rejected and a user accepted that. CP-07 then protects the
-- window's rows.
CREATE OR REPLACE PROCEDURE crypto.check_staging (
    staging_table IN VARCHAR(128),
    expected_rows IN BIGINT,
    window_start IN VARCHAR(32),
    window_end IN VARCHAR(32)
)
AS $$
DECLARE
    staged_rows BIGINT;
    rows_outside BIGINT;
    repeated_keys BIGINT;
BEGIN
    EXECUTE 'SELECT COUNT(*) FROM crypto.' || quote_ident(staging_table) INTO staged_rows;
    IF staged_rows = 0 AND expected_rows > 0 THEN
        RAISE EXCEPTION 'CP-01 staging table crypto.% is empty. Clear this task with its downstream tasks to fill it again',
            staging_table;
    END IF;
    IF staged_rows <> expected_rows THEN
        RAISE EXCEPTION 'CP-02 staging table crypto.% has % rows, but the curation report counts %. Clear this task with its downstream tasks to fill it again',
            staging_table, staged_rows, expected_rows;
    END IF;
    EXECUTE 'SELECT COUNT(*) FROM crypto.' || quote_ident(staging_table)
        || ' WHERE observed_at < ' || quote_literal(window_start)
        || ' OR observed_at >= ' || quote_literal(window_end) INTO rows_outside;
    IF rows_outside > 0 THEN
        RAISE EXCEPTION 'CP-03 staging table crypto.% has % rows outside the window % to %. Clear curate_prices with its downstream tasks',
            staging_table, rows_outside, window_start, window_end;
    END IF;
    EXECUTE 'SELECT COUNT(*) FROM (SELECT 1 FROM crypto.' || quote_ident(staging_table)
        || ' GROUP BY source, symbol, quote_currency, candle_interval, observed_at HAVING COUNT(*) > 1) AS repeated'
        INTO repeated_keys;
    IF repeated_keys > 0 THEN
        RAISE EXCEPTION 'CP-04 staging table crypto.% has % keys more than once. Clear curate_prices with its downstream tasks',
            staging_table, repeated_keys;
    END IF;
END;
$$ LANGUAGE plpgsql
