-- Raises when a load would take candles away that are loaded. Closed candles do not vanish: an exchange that gives
-- fewer than before, or some that had to be quarantined, is more likely wrong now than it was then, and only a person
-- can tell.
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
        RAISE EXCEPTION 'batch % would remove % candles that are loaded, because the exchange does not give them any more or because they are among the % records that the batch has quarantined: refusing. If it is right, load the window with the param force',
            load_batch_id, removed, quarantined;
    END IF;
END;
$$ LANGUAGE plpgsql
