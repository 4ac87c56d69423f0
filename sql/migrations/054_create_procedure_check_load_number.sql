-- Raises an error when the next load is not the one that is replayed: the loads before it are missing, or it or another
-- one is already there. A new load has the number 0, which any number satisfies. The caller holds the load lock.
CREATE OR REPLACE PROCEDURE crypto.check_load_number (
    replayed_load IN BIGINT
)
AS $$
DECLARE
    newest_load BIGINT;
BEGIN
    IF replayed_load > 0 THEN
        SELECT last_load_number INTO newest_load FROM crypto.load_counter;
        IF newest_load <> replayed_load - 1 THEN
            RAISE EXCEPTION 'CP-15 load % cannot be replayed after load %. If another run has loaded something during the rebuild, or a user has removed candles, start over with an empty warehouse (docs/how-to/operate.md, Recover from a disaster)',
                replayed_load, newest_load;
        END IF;
    END IF;
END;
$$ LANGUAGE plpgsql
