-- load/counts/count_up
-- The next statement gives this number to the load.
UPDATE crypto.load_counter
SET last_load_number = last_load_number + 1
