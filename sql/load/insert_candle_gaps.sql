-- Every candle that the markets of the load should have in its window and the fact table has not, with the reason.
{% set places = expected_candles(batch(ti).sources[0], window(ti)) | string | length %}
INSERT INTO crypto.candle_gaps (
    source,
    symbol,
    quote_currency,
    candle_interval,
    observed_at,
    reason,
    batch_id,
    noted_at
)
WITH {% include 'load/places.jinja' %}
markets AS (
    {% include 'load/markets.jinja' %}
),

missing AS (
    SELECT
        markets.source,
        markets.symbol,
        markets.quote_currency,
        markets.candle_interval,
        DATEADD(
            SECOND,
            CAST(places.place * markets.interval_seconds AS INTEGER),
            CAST({{ window(ti).start | literal }} AS TIMESTAMP)
        ) AS observed_at
    FROM markets
    INNER JOIN places_{{ places | literal }} AS places ON markets.candle_total > places.place
    LEFT JOIN crypto.fact_crypto_prices AS fact
        ON
            markets.source = fact.source
            AND markets.symbol = fact.symbol
            AND markets.quote_currency = fact.quote_currency
            AND markets.candle_interval = fact.candle_interval
            AND fact.observed_at = DATEADD(
                SECOND,
                CAST(places.place * markets.interval_seconds AS INTEGER),
                CAST({{ window(ti).start | literal }} AS TIMESTAMP)
            )
    WHERE fact.source IS NULL
),

of_source AS (
    SELECT
        source,
        COUNT(*) AS market_total
    FROM markets
    GROUP BY source
),

missing_at AS (
    SELECT
        source,
        observed_at,
        COUNT(*) AS market_total
    FROM missing
    GROUP BY source, observed_at
),

listed AS (
    SELECT
        fact.source,
        fact.symbol,
        fact.quote_currency,
        fact.candle_interval,
        MIN(fact.observed_at) AS first_at
    FROM crypto.fact_crypto_prices AS fact
    INNER JOIN markets
        ON
            fact.source = markets.source
            AND fact.symbol = markets.symbol
            AND fact.quote_currency = markets.quote_currency
            AND fact.candle_interval = markets.candle_interval
    GROUP BY fact.source, fact.symbol, fact.quote_currency, fact.candle_interval
),

-- The first row is of no source: there may be no other.
quarantined (source, symbol, quote_currency, first_at, candle_total) AS (
    SELECT
        '',
        '',
        '',
        CAST('1970-01-01' AS TIMESTAMP),
        0
    {% for run in report(ti).quarantined_candles %}
        UNION ALL
        SELECT
            {{ run.source | literal }},
            {{ run.symbol | literal }},
            {{ run.quote_currency | literal }},
            CAST({{ run.observed_at | literal }} AS TIMESTAMP),
            {{ run.candles | literal }}
    {% endfor %}
)

SELECT
    missing.source,
    missing.symbol,
    missing.quote_currency,
    missing.candle_interval,
    missing.observed_at,
    CASE
        WHEN quarantined.source IS NOT NULL THEN 'quarantined'
        WHEN listed.first_at IS NULL OR listed.first_at > missing.observed_at THEN 'not_listed'
        WHEN of_source.market_total > 1 AND missing_at.market_total = of_source.market_total THEN 'venue_down'
        ELSE 'no_trade'
    END AS reason,
    {{ report(ti).batch_id | literal }} AS batch_id,
    GETDATE() AS noted_at
FROM missing
INNER JOIN markets
    ON
        missing.source = markets.source
        AND missing.symbol = markets.symbol
        AND missing.quote_currency = markets.quote_currency
INNER JOIN of_source ON missing.source = of_source.source
INNER JOIN missing_at
    ON
        missing.source = missing_at.source
        AND missing.observed_at = missing_at.observed_at
LEFT JOIN listed
    ON
        missing.source = listed.source
        AND missing.symbol = listed.symbol
        AND missing.quote_currency = listed.quote_currency
LEFT JOIN quarantined
    ON
        missing.source = quarantined.source
        AND missing.symbol = quarantined.symbol
        AND missing.quote_currency = quarantined.quote_currency
        AND missing.observed_at >= quarantined.first_at
        AND missing.observed_at < DATEADD(
            SECOND, CAST(quarantined.candle_total * markets.interval_seconds AS INTEGER), quarantined.first_at
        )
