-- Rows that an earlier load left in the window and that a load took away because it no longer has them.
ALTER TABLE crypto.etl_metadata ADD COLUMN rows_removed BIGINT
