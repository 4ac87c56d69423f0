-- status/find_consensus
-- The consensus at the end of each day or hour, where there is one. A candle that opens then closes at that time.
SELECT
    symbol,
    DATEADD({% if unit == 'day' %}DAY{% else %}HOUR{% endif %}, -1, hour_end) AS opens_at,
    price,
    CASE WHEN status = 'weak' THEN 1 ELSE 0 END AS is_weak
FROM crypto.consensus_prices
WHERE
    hour_end > {{ params.start | literal }}
    AND hour_end <= {{ params.end | literal }}
    AND hour_end = DATE_TRUNC({{ unit | literal }}, hour_end)
    AND price IS NOT NULL
ORDER BY symbol, hour_end
