-- Sets visible_at of all loads and removals that have none. The caller must have acquired the load lock in an earlier
-- statement of the transaction, so it sees only loads that have been committed. GETDATE() has whole seconds, so one
-- is added: a load becomes visible late, never early. The times never decrease, even if the clock does.
--
-- Every load and every replay marks the loads before it, so those without a time are newer than all others. The search
-- for the newest time goes back from the newest number. Its literal range on the sort key limits the scan.
CREATE OR REPLACE PROCEDURE crypto.mark_visible ()
AS $$
DECLARE
    first_load BIGINT;
    loads_back BIGINT := 16;
    shown_at TIMESTAMP;
BEGIN
    SELECT last_load_number INTO first_load FROM crypto.load_counter;
    LOOP
        first_load := first_load - loads_back;
        loads_back := loads_back * 4;
        EXECUTE 'SELECT MAX(visible_at) FROM crypto.load_log WHERE load_number > ' || first_load INTO shown_at;
        EXIT WHEN shown_at IS NOT NULL OR first_load <= 0;
    END LOOP;
    shown_at := GREATEST(DATEADD(SECOND, 1, GETDATE()), shown_at);
    EXECUTE 'UPDATE crypto.load_log SET visible_at = ' || quote_literal(CAST(shown_at AS VARCHAR(32)))
        || ' WHERE visible_at IS NULL AND load_number > ' || first_load;
END;
$$ LANGUAGE plpgsql
