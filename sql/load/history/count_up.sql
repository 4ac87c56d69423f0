-- load/history/count_up
-- The next statements give this number to the load. No load ever had it, because the counter never decreases.
UPDATE crypto.load_counter
SET last_load_number = last_load_number + 1
