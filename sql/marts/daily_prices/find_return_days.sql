-- marts/daily_prices/find_return_days
-- The days whose return can have changed: the touched days, and the days after them.
CREATE TEMP TABLE return_days AS
SELECT DISTINCT
    source,
    price_date
FROM (
    SELECT
        source,
        price_date
    FROM touched_days
    UNION ALL
    SELECT
        source,
        CAST(DATEADD(DAY, 1, price_date) AS DATE) AS price_date
    FROM touched_days
) AS days_and_next_days
