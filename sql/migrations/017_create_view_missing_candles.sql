-- The number of missing candles by day, market and reason, for every day until yesterday. A day of a market that no
-- load has, because no run requested it or none succeeded, has the reason 'unfetched'. The view reads only small
-- tables, not the fact table.
CREATE OR REPLACE VIEW crypto.missing_candles AS
WITH digits AS (
    SELECT 0 AS digit
    UNION ALL
    SELECT 1 AS digit
    UNION ALL
    SELECT 2 AS digit
    UNION ALL
    SELECT 3 AS digit
    UNION ALL
    SELECT 4 AS digit
    UNION ALL
    SELECT 5 AS digit
    UNION ALL
    SELECT 6 AS digit
    UNION ALL
    SELECT 7 AS digit
    UNION ALL
    SELECT 8 AS digit
    UNION ALL
    SELECT 9 AS digit
),

places AS (
    SELECT
        ones.digit
        + 10 * tens.digit
        + 100 * hundreds.digit
        + 1000 * thousands.digit
        + 10000 * ten_thousands.digit AS place
    FROM digits AS ones
    CROSS JOIN digits AS tens
    CROSS JOIN digits AS hundreds
    CROSS JOIN digits AS thousands
    CROSS JOIN digits AS ten_thousands
),

-- No market is older than the first block of Bitcoin.
days AS (
    SELECT
        CAST(DATEADD(DAY, place, CAST('2009-01-03' AS DATE)) AS DATE) AS observed_on,
        CAST(DATEADD(DAY, place, CAST('2009-01-03' AS DATE)) AS TIMESTAMP) AS starts_at,
        CAST(DATEADD(DAY, place + 1, CAST('2009-01-03' AS DATE)) AS TIMESTAMP) AS ends_at
    FROM places
    WHERE place < DATEDIFF(DAY, CAST('2009-01-03' AS DATE), CAST(GETDATE() AS DATE))
),

-- Days are first joined with sets of markets, because there are far fewer sets than markets.
fetched_sets AS (
    SELECT DISTINCT
        loads.source,
        loads.candle_interval,
        loads.market_set,
        days.observed_on
    FROM crypto.etl_metadata AS loads
    INNER JOIN days ON loads.window_start <= days.observed_on AND loads.window_end > days.observed_on
),

gap_days AS (
    SELECT
        gaps.source,
        gaps.symbol,
        gaps.quote_currency,
        gaps.candle_interval,
        days.observed_on,
        gaps.reason,
        CAST(SUM(
            DATEDIFF(SECOND, GREATEST(gaps.starts_at, days.starts_at), LEAST(gaps.ends_at, days.ends_at))
            * gaps.candles / DATEDIFF(SECOND, gaps.starts_at, gaps.ends_at)
        ) AS BIGINT) AS candles
    FROM crypto.candle_gaps AS gaps
    INNER JOIN days ON gaps.starts_at < days.ends_at AND gaps.ends_at > days.starts_at
    GROUP BY
        gaps.source,
        gaps.symbol,
        gaps.quote_currency,
        gaps.candle_interval,
        days.observed_on,
        gaps.reason
),

-- A window in which no exchange has a candle has gaps, but no load.
fetched_days AS (
    SELECT
        fetched_sets.source,
        requested.symbol,
        requested.quote_currency,
        fetched_sets.candle_interval,
        fetched_sets.observed_on
    FROM fetched_sets
    INNER JOIN crypto.market_sets AS requested ON fetched_sets.market_set = requested.market_set
    UNION ALL
    SELECT
        source,
        symbol,
        quote_currency,
        candle_interval,
        observed_on
    FROM gap_days
),

-- The settings' markets, and other markets that a load has requested.
markets AS (
    SELECT
        source,
        symbol,
        quote_currency,
        candle_interval,
        used_from,
        used_until
    FROM crypto.expected_markets
    UNION ALL
    SELECT
        requested.source,
        requested.symbol,
        requested.quote_currency,
        requested.candle_interval,
        CAST(NULL AS DATE) AS used_from,
        CAST(NULL AS DATE) AS used_until
    FROM (
        SELECT DISTINCT
            source,
            symbol,
            quote_currency,
            candle_interval
        FROM fetched_days
    ) AS requested
    LEFT JOIN crypto.expected_markets AS expected
        ON
            requested.source = expected.source
            AND requested.symbol = expected.symbol
            AND requested.quote_currency = expected.quote_currency
            AND requested.candle_interval = expected.candle_interval
    WHERE expected.source IS NULL
)

SELECT
    observed_on,
    source,
    symbol,
    quote_currency,
    candle_interval,
    CAST(reason AS VARCHAR(16)) AS reason,
    candles
FROM gap_days
UNION ALL
SELECT
    days.observed_on,
    markets.source,
    markets.symbol,
    markets.quote_currency,
    markets.candle_interval,
    CAST('unfetched' AS VARCHAR(16)) AS reason,
    -- An interval is a number and a unit, such as 15m.
    CAST(
        86400 / (
            CAST(LEFT(markets.candle_interval, LEN(markets.candle_interval) - 1) AS INTEGER)
            * CASE RIGHT(markets.candle_interval, 1) WHEN 's' THEN 1 WHEN 'm' THEN 60 WHEN 'h' THEN 3600 ELSE 86400 END
        ) AS BIGINT
    ) AS candles
FROM markets
INNER JOIN days
    ON
        (markets.used_from IS NULL OR markets.used_from <= days.observed_on)
        AND (markets.used_until IS NULL OR markets.used_until > days.observed_on)
LEFT JOIN fetched_days
    ON
        markets.source = fetched_days.source
        AND markets.symbol = fetched_days.symbol
        AND markets.quote_currency = fetched_days.quote_currency
        AND markets.candle_interval = fetched_days.candle_interval
        AND days.observed_on = fetched_days.observed_on
WHERE fetched_days.source IS NULL
