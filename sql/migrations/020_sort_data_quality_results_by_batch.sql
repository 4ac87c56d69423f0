-- A load deletes and checks the results of its own batches only. Names of batches begin with the first day of the
-- window, so a load does not read the results of all other loads.
ALTER TABLE crypto.data_quality_results ALTER SORTKEY (batch_id)
