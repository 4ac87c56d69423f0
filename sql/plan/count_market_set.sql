-- plan/count_market_set
-- The number of markets of a set that are in the table.
SELECT COUNT(*) AS market_total
FROM crypto.market_sets
WHERE market_set = {{ market_set | literal }}
