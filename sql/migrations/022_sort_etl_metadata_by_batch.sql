-- A load looks for its own batch, whose name begins with the first day of its window, and for the loads that reach into
-- its window. So it does not read the rows of all other loads.
ALTER TABLE crypto.etl_metadata ALTER COMPOUND SORTKEY (batch_id, window_start, window_end)
