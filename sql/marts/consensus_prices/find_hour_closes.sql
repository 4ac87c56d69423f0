-- marts/consensus_prices/find_hour_closes
-- The close of each market's candle that ends on the hour, on the days that a load of any source has touched. If
-- several candles end then, it is the longest one of at most an hour. `unfit` is the reason why it cannot count.
{% from 'marts/limits.jinja' import longest_candle_seconds %}
CREATE TEMP TABLE hour_closes AS
WITH touched AS (
    SELECT DISTINCT price_date FROM touched_days
),

candles AS (
    SELECT
        fact.source,
        fact.symbol,
        fact.quote_currency,
        fact.candle_interval,
        fact.observed_at,
        fact.close_price,
        fact.base_volume
    FROM crypto.fact_crypto_prices AS fact
    INNER JOIN touched ON CAST(fact.observed_at AS DATE) = touched.price_date
    WHERE
        fact.observed_at >= {{ refresh(ti).first_day | literal }}
        AND fact.observed_at < {{ refresh(ti).end_day | literal }}
        AND fact.close_price IS NOT NULL
),

measured AS (
    SELECT
        source,
        symbol,
        quote_currency,
        candle_interval,
        {% include 'marts/interval_seconds.jinja' %} AS interval_seconds,
        observed_at,
        close_price,
        base_volume
    FROM candles
),

ended AS (
    SELECT
        source,
        symbol,
        quote_currency,
        candle_interval,
        interval_seconds,
        DATEADD(SECOND, interval_seconds, observed_at) AS hour_end,
        close_price,
        base_volume
    FROM measured
),

ranked AS (
    SELECT
        source,
        symbol,
        quote_currency,
        candle_interval,
        interval_seconds,
        hour_end,
        close_price,
        base_volume,
        ROW_NUMBER() OVER (
            PARTITION BY source, symbol, quote_currency, hour_end
            ORDER BY
                CASE WHEN interval_seconds <= {{ longest_candle_seconds | literal }} THEN 0 ELSE 1 END,
                ABS(interval_seconds - {{ longest_candle_seconds | literal }})
        ) AS choice
    FROM ended
    WHERE hour_end = DATE_TRUNC('hour', hour_end)
)

SELECT
    ranked.source,
    ranked.symbol,
    ranked.quote_currency,
    ranked.candle_interval,
    ranked.hour_end,
    ranked.close_price,
    ranked.base_volume,
    CAST(ranked.close_price AS DOUBLE PRECISION) AS price,
    CAST(CASE
        WHEN known.source IS NULL THEN 'unknown_source'
        WHEN known.kind <> 'exchange' THEN known.kind
        WHEN ranked.interval_seconds > {{ longest_candle_seconds | literal }} THEN 'long_candle'
        WHEN COALESCE(ranked.base_volume, 0) <= 0 THEN 'no_trade'
        WHEN ranked.close_price <= 0 THEN 'no_price'
    END AS VARCHAR(16)) AS unfit
FROM ranked
LEFT JOIN crypto.sources AS known ON ranked.source = known.source
WHERE ranked.choice = 1
