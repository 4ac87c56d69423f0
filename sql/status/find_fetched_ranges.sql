-- status/find_fetched_ranges
-- The days of each market that loads have requested, as ranges of consecutive days.
WITH requested AS (
    SELECT DISTINCT
        loads.source,
        markets.symbol,
        markets.quote_currency,
        loads.window_start,
        loads.window_end
    FROM crypto.etl_metadata AS loads
    INNER JOIN crypto.market_sets AS markets ON loads.market_set = markets.market_set
    WHERE loads.candle_interval = {{ settings().candle_interval | literal }}
),

marked AS (
    SELECT
        source,
        symbol,
        quote_currency,
        window_start,
        window_end,
        CASE
            WHEN
                window_start <= MAX(window_end) OVER (
                    PARTITION BY source, symbol, quote_currency
                    ORDER BY window_start, window_end
                    ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
                )
                THEN 0
            ELSE 1
        END AS begins
    FROM requested
),

numbered AS (
    SELECT
        source,
        symbol,
        quote_currency,
        window_start,
        window_end,
        SUM(begins) OVER (
            PARTITION BY source, symbol, quote_currency
            ORDER BY window_start, window_end
            ROWS UNBOUNDED PRECEDING
        ) AS range_number
    FROM marked
)

SELECT
    source,
    symbol,
    quote_currency,
    MIN(window_start) AS starts_on,
    MAX(window_end) AS ends_on
FROM numbered
GROUP BY source, symbol, quote_currency, range_number
ORDER BY source, symbol, quote_currency, starts_on
