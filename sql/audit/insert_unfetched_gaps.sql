-- audit/insert_unfetched_gaps
-- Records every candle of the days that no load has requested.
INSERT INTO crypto.candle_gaps (
    source,
    symbol,
    quote_currency,
    candle_interval,
    observed_at,
    reason,
    noted_at
)
WITH {% include 'shared/whole_numbers.jinja' %}

unfetched (source, symbol, quote_currency, first_at, candle_total) AS (
    {%- for run in unfetched %}
        {% if not loop.first %}UNION ALL{% endif %}
        SELECT
            CAST({{ run.source | literal }} AS VARCHAR(32)),
            CAST({{ run.symbol | literal }} AS VARCHAR(32)),
            CAST({{ run.quote_currency | literal }} AS VARCHAR(16)),
            CAST({{ run.start | literal }} AS TIMESTAMP),
            {{ run.candles | literal }}
    {% endfor %}
),

expected AS (
    SELECT
        unfetched.source,
        unfetched.symbol,
        unfetched.quote_currency,
        CAST({{ settings().candle_interval | literal }} AS VARCHAR(8)) AS candle_interval,
        DATEADD(
            SECOND, CAST(places.place * {{ seconds | literal }} AS INTEGER), unfetched.first_at
        ) AS observed_at
    FROM unfetched
    INNER JOIN places ON unfetched.candle_total > places.place
)

-- The joins exclude candles that a load or another audit has added since the audit's query.
SELECT
    expected.source,
    expected.symbol,
    expected.quote_currency,
    expected.candle_interval,
    expected.observed_at,
    'unfetched' AS reason,
    GETDATE() AS noted_at
FROM expected
LEFT JOIN crypto.fact_crypto_prices AS fact
    ON
        expected.source = fact.source
        AND expected.symbol = fact.symbol
        AND expected.quote_currency = fact.quote_currency
        AND expected.candle_interval = fact.candle_interval
        AND expected.observed_at = fact.observed_at
        AND fact.observed_at >= {{ params.start | literal }}
        AND fact.observed_at < {{ params.end | literal }}
LEFT JOIN crypto.candle_gaps AS known
    ON
        expected.source = known.source
        AND expected.symbol = known.symbol
        AND expected.quote_currency = known.quote_currency
        AND expected.candle_interval = known.candle_interval
        AND expected.observed_at = known.observed_at
WHERE fact.source IS NULL AND known.source IS NULL
