-- queries/rows_by_day
-- The number of rows on each day of a window. Days without rows are not included.
SELECT
    CAST(observed_at AS DATE) AS observed_on,
    COUNT(*) AS row_total
FROM crypto.fact_crypto_prices
WHERE
    observed_at >= {{ window(ti).start | literal }}
    AND observed_at < {{ window(ti).end | literal }}
GROUP BY CAST(observed_at AS DATE)
ORDER BY observed_on
