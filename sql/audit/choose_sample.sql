-- audit/choose_sample
-- The loaded days of markets whose last fetch or check is the longest ago. Fetches and checks since the audit's time do
-- not count, so an earlier try of the task does not change the choice. Days before a market's listing are left out.
WITH {% set digits = 3 %}{% include 'shared/whole_numbers.jinja' %}

set_days AS (
    SELECT
        loads.source,
        loads.market_set,
        CAST(DATEADD(DAY, places.place, loads.window_start) AS DATE) AS observed_on,
        MAX(COALESCE(loads.fetched_at, CAST('1970-01-01' AS TIMESTAMP))) AS fetched_at
    FROM crypto.etl_metadata AS loads
    INNER JOIN places ON places.place < DATEDIFF(DAY, loads.window_start, loads.window_end)
    WHERE
        loads.candle_interval = {{ settings().candle_interval | literal }}
        AND COALESCE(loads.fetched_at, CAST('1970-01-01' AS TIMESTAMP)) < {{ audited_at | literal }}
    GROUP BY
        loads.source,
        loads.market_set,
        CAST(DATEADD(DAY, places.place, loads.window_start) AS DATE)
),

market_days AS (
    SELECT
        set_days.source,
        expected.symbol,
        expected.quote_currency,
        set_days.observed_on,
        MAX(set_days.fetched_at) AS fetched_at
    FROM set_days
    INNER JOIN crypto.market_sets AS requested ON set_days.market_set = requested.market_set
    INNER JOIN crypto.expected_markets AS expected
        ON
            set_days.source = expected.source
            AND requested.symbol = expected.symbol
            AND requested.quote_currency = expected.quote_currency
            AND (expected.used_from IS NULL OR set_days.observed_on >= expected.used_from)
            AND (expected.used_until IS NULL OR set_days.observed_on < expected.used_until)
    WHERE
        expected.candle_interval = {{ settings().candle_interval | literal }}
        {% if days %}
            AND set_days.observed_on >= {{ days.start | literal }}
            AND set_days.observed_on < {{ days.end | literal }}
        {% endif %}
    GROUP BY
        set_days.source,
        expected.symbol,
        expected.quote_currency,
        set_days.observed_on
),

checked AS (
    SELECT
        source,
        symbol,
        quote_currency,
        observed_on,
        MAX(audited_at) AS audited_at
    FROM crypto.restatement_checks
    WHERE
        candle_interval = {{ settings().candle_interval | literal }}
        AND audited_at < {{ audited_at | literal }}
    GROUP BY source, symbol, quote_currency, observed_on
)

SELECT
    market_days.source,
    market_days.observed_on,
    market_days.symbol || '/' || market_days.quote_currency AS market
FROM market_days
LEFT JOIN checked
    ON
        market_days.source = checked.source
        AND market_days.symbol = checked.symbol
        AND market_days.quote_currency = checked.quote_currency
        AND market_days.observed_on = checked.observed_on
LEFT JOIN crypto.candle_gaps AS gaps
    ON
        market_days.source = gaps.source
        AND market_days.symbol = gaps.symbol
        AND market_days.quote_currency = gaps.quote_currency
        AND gaps.candle_interval = {{ settings().candle_interval | literal }}
        AND gaps.reason = 'not_listed'
        AND gaps.starts_at <= CAST(market_days.observed_on AS TIMESTAMP)
        AND gaps.ends_at >= DATEADD(DAY, 1, CAST(market_days.observed_on AS TIMESTAMP))
WHERE gaps.source IS NULL
ORDER BY
    CASE WHEN checked.audited_at > market_days.fetched_at THEN checked.audited_at ELSE market_days.fetched_at END,
    market_days.observed_on,
    market_days.source,
    market_days.symbol,
    market_days.quote_currency
LIMIT {{ sample | literal }}
