-- load/gaps/explain_candle_gaps
-- A market with candles in this window has been listed since then. Days can be loaded in any order, so this also
-- corrects the reason of gaps after the window. A day on which all candles are missing is empty.
{% set sources = loaded(ti) %}
UPDATE crypto.candle_gaps
SET reason = explained.reason
FROM (
    SELECT
        gaps.source,
        gaps.symbol,
        gaps.quote_currency,
        gaps.candle_interval,
        CAST(gaps.observed_at AS DATE) AS observed_on,
        listed.first_at,
        CASE
            WHEN COUNT(*) * {{ interval_seconds(sources[0]) | literal }} >= 86400 THEN 'empty_day'
            ELSE 'no_trade'
        END AS reason
    FROM crypto.candle_gaps AS gaps
    INNER JOIN (
        SELECT
            source,
            symbol,
            quote_currency,
            candle_interval,
            MIN(observed_at) AS first_at
        FROM crypto.fact_crypto_prices
        WHERE
            {% include 'shared/scope.jinja' %}
        GROUP BY source, symbol, quote_currency, candle_interval
    ) AS listed
        ON
            gaps.source = listed.source
            AND gaps.symbol = listed.symbol
            AND gaps.quote_currency = listed.quote_currency
            AND gaps.candle_interval = listed.candle_interval
    WHERE gaps.observed_at >= {{ window(ti).start | literal }}
    GROUP BY
        gaps.source,
        gaps.symbol,
        gaps.quote_currency,
        gaps.candle_interval,
        CAST(gaps.observed_at AS DATE),
        listed.first_at
) AS explained
WHERE
    candle_gaps.reason = 'not_listed'
    AND candle_gaps.source = explained.source
    AND candle_gaps.symbol = explained.symbol
    AND candle_gaps.quote_currency = explained.quote_currency
    AND candle_gaps.candle_interval = explained.candle_interval
    AND CAST(candle_gaps.observed_at AS DATE) = explained.observed_on
    AND candle_gaps.observed_at > explained.first_at
