-- Raises an error when staged rows would bring back candles that a user removed after they were fetched. Loads that
-- were fetched after the removal may: the exchange still returns the candles. It runs after insert_etl_metadata, which
-- writes when this load was fetched, and its window. The literal ranges on the sort keys limit the scans to the window,
-- and that of crypto.load_log to the loads that removed candles from it.
CREATE OR REPLACE PROCEDURE crypto.check_restored (
    staging_table IN VARCHAR(128),
    load_batch_id IN VARCHAR(128),
    forced IN BIGINT
)
AS $$
DECLARE
    window_from VARCHAR(32);
    window_to VARCHAR(32);
    first_removal BIGINT;
    last_removal BIGINT;
    restored BIGINT := 0;
BEGIN
    IF forced = 0 THEN
        SELECT CAST(MIN(window_start) AS VARCHAR(32)), CAST(MAX(window_end) AS VARCHAR(32)) INTO window_from, window_to
        FROM crypto.etl_metadata
        WHERE batch_id = load_batch_id;
        EXECUTE 'SELECT MIN(valid_to_load), MAX(valid_to_load) FROM crypto.price_versions'
            || ' WHERE observed_at >= ' || quote_literal(window_from)
            || ' AND observed_at < ' || quote_literal(window_to)
            || ' AND closed_as = ''removed''' INTO first_removal, last_removal;
    END IF;
    IF first_removal IS NOT NULL THEN
        EXECUTE 'SELECT COUNT(*) FROM crypto.' || quote_ident(staging_table) || ' AS staged'
            || ' INNER JOIN crypto.etl_metadata AS own ON own.source = staged.source'
            || ' AND own.batch_id = ' || quote_literal(load_batch_id)
            || ' INNER JOIN crypto.price_versions AS gone ON gone.source = staged.source'
            || ' AND gone.symbol = staged.symbol AND gone.quote_currency = staged.quote_currency'
            || ' AND gone.candle_interval = staged.candle_interval AND gone.observed_at = staged.observed_at'
            || ' AND gone.observed_at >= ' || quote_literal(window_from)
            || ' AND gone.observed_at < ' || quote_literal(window_to)
            || ' INNER JOIN crypto.load_log AS removal ON removal.load_number = gone.valid_to_load'
            || ' AND removal.load_number >= ' || first_removal || ' AND removal.load_number <= ' || last_removal
            || ' AND removal.source = gone.source AND removal.removed_because IS NOT NULL'
            || ' AND removal.merged_at > COALESCE(own.fetched_at, ''1970-01-01'')'
            || ' LEFT JOIN crypto.fact_crypto_prices AS loaded ON loaded.source = staged.source'
            || ' AND loaded.symbol = staged.symbol AND loaded.quote_currency = staged.quote_currency'
            || ' AND loaded.candle_interval = staged.candle_interval AND loaded.observed_at = staged.observed_at'
            || ' AND loaded.observed_at >= ' || quote_literal(window_from)
            || ' AND loaded.observed_at < ' || quote_literal(window_to)
            || ' WHERE loaded.source IS NULL' INTO restored;
        IF restored > 0 THEN
            RAISE EXCEPTION 'CP-10 batch % would bring back % candles that a user removed after they were fetched (crypto.load_log has the reason). Clear the whole run to fetch them again, or load the window with the parameter force',
                load_batch_id, restored;
        END IF;
    END IF;
END;
$$ LANGUAGE plpgsql
