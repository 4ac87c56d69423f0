-- Raises when a staging table is not exactly what the curation report says: its own task, and the first statement of
-- the merge's transaction, because a merge that is cleared alone does not run the task again.
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
    IF staged_rows = 0 THEN
        RAISE EXCEPTION 'staging table crypto.% is empty: refusing to load it', staging_table;
    END IF;
    IF staged_rows <> expected_rows THEN
        RAISE EXCEPTION 'staging table crypto.% holds % rows, the curation report says %: refusing to load it',
            staging_table, staged_rows, expected_rows;
    END IF;
    EXECUTE 'SELECT COUNT(*) FROM crypto.' || quote_ident(staging_table)
        || ' WHERE observed_at < ' || quote_literal(window_start)
        || ' OR observed_at >= ' || quote_literal(window_end) INTO rows_outside;
    IF rows_outside > 0 THEN
        RAISE EXCEPTION 'staging table crypto.% holds % rows outside of the window % to %: refusing to load it',
            staging_table, rows_outside, window_start, window_end;
    END IF;
    EXECUTE 'SELECT COUNT(*) FROM (SELECT 1 FROM crypto.' || quote_ident(staging_table)
        || ' GROUP BY source, symbol, quote_currency, candle_interval, observed_at HAVING COUNT(*) > 1) AS repeated'
        INTO repeated_keys;
    IF repeated_keys > 0 THEN
        RAISE EXCEPTION 'staging table crypto.% holds % keys more than once: refusing to load it',
            staging_table, repeated_keys;
    END IF;
END;
$$ LANGUAGE plpgsql
