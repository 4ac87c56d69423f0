-- When the fetch of a load ended (its raw manifest's written_at): what was fetched last wins. It is kept with the load
-- and not only with its rows, because a load also decides which candles there are not.
ALTER TABLE crypto.etl_metadata ADD COLUMN fetched_at TIMESTAMP
