-- One row: the number of the newest load. Only the holder of the load lock changes it. Numbers are never used again,
-- even if the load with the highest number is deleted.
CREATE TABLE crypto.load_counter
DISTSTYLE ALL
AS
SELECT CAST(0 AS BIGINT) AS last_load_number
