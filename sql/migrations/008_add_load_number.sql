-- Loads in the order of their commits. Times cannot say it: GETDATE() has whole seconds, and two loads can share one.
ALTER TABLE crypto.etl_metadata ADD COLUMN load_number BIGINT
