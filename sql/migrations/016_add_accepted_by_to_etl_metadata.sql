-- The user who accepted the rejected records of the load; NULL if no one had to.
ALTER TABLE crypto.etl_metadata ADD COLUMN accepted_by VARCHAR(256)
