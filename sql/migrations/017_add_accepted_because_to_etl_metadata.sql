-- Why the user accepted them; NULL if no one had to.
ALTER TABLE crypto.etl_metadata ADD COLUMN accepted_because VARCHAR(2000)
