-- Rows of the fact table that a load has merged and that no later load has replaced: if fewer are there, some are lost.
ALTER TABLE crypto.etl_metadata ADD COLUMN rows_owned BIGINT
