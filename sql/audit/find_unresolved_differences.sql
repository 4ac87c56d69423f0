-- audit/find_unresolved_differences
-- The days of markets that the last comparison found restated, and that no load has fetched since.
WITH latest AS (
    SELECT
        source,
        symbol,
        quote_currency,
        observed_on,
        status,
        checked_at,
        ROW_NUMBER() OVER (
            PARTITION BY source, symbol, quote_currency, observed_on
            ORDER BY audited_at DESC, checked_at DESC
        ) AS recency
    FROM crypto.restatement_checks
    WHERE
        candle_interval = {{ settings().candle_interval | literal }}
        AND audited_at <= {{ audited_at | literal }}
        -- The exchange's refusal says nothing about the candles.
        AND status <> 'refused'
),

{% include 'shared/loads_of_markets.jinja' %}

SELECT
    latest.source,
    latest.observed_on,
    latest.symbol || '/' || latest.quote_currency AS market
FROM latest
LEFT JOIN loads_of_markets AS loaded
    ON
        latest.source = loaded.source
        AND latest.symbol = loaded.symbol
        AND latest.quote_currency = loaded.quote_currency
        AND latest.observed_on >= loaded.window_start
        AND latest.observed_on < loaded.window_end
        AND latest.checked_at < loaded.fetched_at
WHERE
    latest.recency = 1
    AND latest.status = 'differs'
    AND loaded.source IS NULL
