-- A load changes the ranges that end after the start of its window, and that start soon after the window at the latest.
-- A range can be years long, so its start alone does not tell whether it reaches into a window.
ALTER TABLE crypto.candle_gaps ALTER COMPOUND SORTKEY (ends_at, starts_at)
