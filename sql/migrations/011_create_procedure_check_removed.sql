-- Raises an error when a load would delete candles. Closed candles do not vanish: an exchange that returns fewer than
-- before, or records that had to be quarantined, is more likely wrong now than it was then. Only a user can decide.
CREATE OR REPLACE PROCEDURE crypto.check_removed (
    load_batch_id IN VARCHAR(128),
    forced IN BIGINT
)
AS $$
DECLARE
    removed BIGINT;
    quarantined BIGINT;
BEGIN
    SELECT COALESCE(SUM(rows_removed), 0), COALESCE(SUM(rows_quarantined), 0) INTO removed, quarantined
    FROM crypto.etl_metadata WHERE batch_id = load_batch_id;
    IF removed > 0 AND forced = 0 THEN
        RAISE EXCEPTION 'CP-07 batch % would delete % candles: the exchange no longer returns them, or they are among the % records that the batch quarantined. If that is right, load the window with the parameter force',
            load_batch_id, removed, quarantined;
    END IF;
END;
$$ LANGUAGE plpgsql
