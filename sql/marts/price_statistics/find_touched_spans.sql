-- marts/price_statistics/find_touched_spans
-- The days of each source whose statistics depend on a touched day: a statistic looks back on up to 365 days.
CREATE TEMP TABLE touched_spans AS
SELECT
    source,
    MIN(price_date) AS first_day,
    CAST(DATEADD(DAY, 365, MAX(price_date)) AS DATE) AS end_day
FROM touched_days
GROUP BY source
