-- backfill/count_rows_of_loads
-- The number of rows that each load has in the fact table now, in the days of all loads of find_loads. Such a load may
-- have more days than the backfill. The days are literals, because only a literal range on the sort key keeps Redshift
-- from reading the whole table.
SELECT
    batch_id,
    source,
    COUNT(*) AS rows_now
FROM crypto.fact_crypto_prices
WHERE
    observed_at >= {{ params.start | literal }}
    AND observed_at < {{ params.end | literal }}
GROUP BY batch_id, source
