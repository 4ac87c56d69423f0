-- The number of candles of each source and day of a year, to find days that lack some
SELECT
    source,
    year || '-' || month || '-' || day AS price_date,
    count(DISTINCT symbol || '/' || quote_currency) AS markets,
    count(*) AS candles
FROM ${table}
WHERE year = '2024'
GROUP BY source, year, month, day
ORDER BY price_date, source
