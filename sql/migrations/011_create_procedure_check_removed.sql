-- Raises an error when a load would delete candles. Closed candles do not vanish: an exchange that returns fewer than
-- before, or records that had to be quarantined, is more likely wrong now than it was then. Only a user can decide.
CREATE OR REPLACE PROCEDURE crypto.check_removed (
    load_batch_id IN VARCHAR(128),
    forced IN BIGINT
)
AS $$
DECLARE
    own RECORD;
    removed BIGINT := 0;
    quarantined BIGINT := 0;
    sources VARCHAR(4096) := '';
BEGIN
    FOR own IN
        SELECT source, rows_removed, rows_quarantined FROM crypto.etl_metadata
        WHERE batch_id = load_batch_id AND rows_removed > 0 ORDER BY source
    LOOP
        removed := removed + own.rows_removed;
        quarantined := quarantined + own.rows_quarantined;
        sources := sources || ', ' || own.source;
    END LOOP;
    IF removed > 0 AND forced = 0 THEN
        sources := SUBSTRING(sources, 3);
        RAISE EXCEPTION 'CP-07 batch % would delete % candles of %: the exchange no longer returns them, or they are among the % quarantined records of these sources. If that is right, load the window with the parameter force. To load the other sources of the batch now, trigger crypto_prices_window for the same days with the parameter sources',
            load_batch_id, removed, sources, quarantined;
    END IF;
END;
$$ LANGUAGE plpgsql
