-- Raises an error when the table of market sets lacks markets of a load. Without them, the load would replace and check
-- too few rows. It runs after insert_etl_metadata, which names the sets.
CREATE OR REPLACE PROCEDURE crypto.check_markets (
    load_batch_id IN VARCHAR(128)
)
AS $$
DECLARE
    incomplete BIGINT;
    an_example VARCHAR(256);
BEGIN
    SELECT COUNT(*), MAX(source || ' has ' || listed_total || ' of ' || market_total)
    INTO incomplete, an_example
    FROM (
        SELECT own.source, own.market_total, COUNT(listed.symbol) AS listed_total
        FROM crypto.etl_metadata AS own
        LEFT JOIN crypto.market_sets AS listed ON own.market_set = listed.market_set
        WHERE own.batch_id = load_batch_id
        GROUP BY own.source, own.market_total
    ) AS counted
    WHERE listed_total <> market_total;
    IF incomplete > 0 THEN
        RAISE EXCEPTION 'CP-09 crypto.market_sets does not have the markets of batch %: % markets. Clear plan_load with its downstream tasks to write them again',
            load_batch_id, an_example;
    END IF;
END;
$$ LANGUAGE plpgsql
