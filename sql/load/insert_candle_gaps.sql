-- Every candle that the markets of the load should have in its window and the fact table has not, with the reason.
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

{% include 'load/markets.jinja' %}

expected AS (
    SELECT
        markets.source,
        markets.symbol,
        markets.quote_currency,
        markets.candle_interval,
        DATEADD(
            SECOND,
            CAST(places.place * {{ interval_seconds(batch(ti).sources[0]) | literal }} AS INTEGER),
            CAST({{ window(ti).start | literal }} AS TIMESTAMP)
        ) AS observed_at
    FROM markets
    INNER JOIN places ON places.place < {{ expected_candles(batch(ti).sources[0], window(ti)) | literal }}
),

-- What there is around the window, which the sort key finds: the whole table would be read at every load.
nearby AS (
    SELECT
        source,
        symbol,
        quote_currency,
        candle_interval,
        observed_at
    FROM crypto.fact_crypto_prices
    WHERE
        observed_at >= DATEADD(DAY, -31, CAST({{ window(ti).start | literal }} AS TIMESTAMP))
        AND observed_at < {{ window(ti).end | literal }}
),

missing AS (
    SELECT
        expected.source,
        expected.symbol,
        expected.quote_currency,
        expected.candle_interval,
        expected.observed_at
    FROM expected
    LEFT JOIN nearby
        ON
            expected.source = nearby.source
            AND expected.symbol = nearby.symbol
            AND expected.quote_currency = nearby.quote_currency
            AND expected.candle_interval = nearby.candle_interval
            AND expected.observed_at = nearby.observed_at
    WHERE nearby.source IS NULL
),

listed AS (
    SELECT
        source,
        symbol,
        quote_currency,
        candle_interval,
        MIN(observed_at) AS first_at
    FROM nearby
    GROUP BY source, symbol, quote_currency, candle_interval
),

-- Of a source with several markets, also those that this load was not asked for.
of_source AS (
    SELECT
        source,
        candle_interval,
        COUNT(*) AS market_total
    FROM listed
    GROUP BY source, candle_interval
),

traded AS (
    SELECT DISTINCT
        source,
        candle_interval,
        observed_at
    FROM nearby
),

-- The first row is of no source: there may be no other.
quarantined (source, symbol, quote_currency, first_at, candle_total) AS (
    SELECT
        CAST('' AS VARCHAR(32)),
        CAST('' AS VARCHAR(32)),
        CAST('' AS VARCHAR(16)),
        CAST('1970-01-01' AS TIMESTAMP),
        0
    {% for run in report(ti).quarantined_candles %}
        UNION ALL
        SELECT
            CAST({{ run.source | literal }} AS VARCHAR(32)),
            CAST({{ run.symbol | literal }} AS VARCHAR(32)),
            CAST({{ run.quote_currency | literal }} AS VARCHAR(16)),
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
        WHEN of_source.market_total > 1 AND traded.source IS NULL THEN 'venue_down'
        ELSE 'no_trade'
    END AS reason,
    {{ report(ti).batch_id | literal }} AS batch_id,
    GETDATE() AS noted_at
FROM missing
LEFT JOIN listed
    ON
        missing.source = listed.source
        AND missing.symbol = listed.symbol
        AND missing.quote_currency = listed.quote_currency
        AND missing.candle_interval = listed.candle_interval
LEFT JOIN of_source
    ON
        missing.source = of_source.source
        AND missing.candle_interval = of_source.candle_interval
LEFT JOIN traded
    ON
        missing.source = traded.source
        AND missing.candle_interval = traded.candle_interval
        AND missing.observed_at = traded.observed_at
LEFT JOIN quarantined
    ON
        missing.source = quarantined.source
        AND missing.symbol = quarantined.symbol
        AND missing.quote_currency = quarantined.quote_currency
        AND missing.observed_at >= quarantined.first_at
        AND missing.observed_at < DATEADD(
            SECOND,
            CAST(quarantined.candle_total * {{ interval_seconds(batch(ti).sources[0]) | literal }} AS INTEGER),
            quarantined.first_at
        )
