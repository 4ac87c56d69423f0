-- status/find_candles
-- One candle per market and day or hour. Its open and close prices are those of the first and the last candle in it. A
-- candle is restated if a load has changed any of its values. The volume of a day or hour is NULL if it could exceed
-- its type.
{% from 'marts/limits.jinja' import largest_sum %}
WITH restated AS (
    SELECT DISTINCT
        source,
        symbol,
        quote_currency,
        observed_at
    FROM crypto.price_versions
    WHERE
        observed_at >= {{ params.start | literal }}
        AND observed_at < {{ params.end | literal }}
        AND candle_interval = {{ settings().candle_interval | literal }}
        AND closed_as = 'changed'
),

candles AS (
    SELECT
        prices.source,
        prices.symbol,
        prices.quote_currency,
        DATE_TRUNC({{ unit | literal }}, prices.observed_at) AS opens_at,
        prices.open_price,
        prices.high_price,
        prices.low_price,
        prices.close_price,
        prices.base_volume,
        -- The sum of a day must fit into its type.
        CASE
            WHEN
                ABS(CAST(prices.base_volume AS DOUBLE PRECISION))
                * (86400 / ({% include 'marts/interval_seconds.jinja' %})) < {{ largest_sum | literal }}
                THEN prices.base_volume
        END AS volume_term,
        CASE WHEN restated.observed_at IS NULL THEN 0 ELSE 1 END AS is_restated,
        ROW_NUMBER() OVER (
            PARTITION BY
                prices.source, prices.symbol, prices.quote_currency,
                DATE_TRUNC({{ unit | literal }}, prices.observed_at)
            ORDER BY prices.observed_at
        ) AS place,
        ROW_NUMBER() OVER (
            PARTITION BY
                prices.source, prices.symbol, prices.quote_currency,
                DATE_TRUNC({{ unit | literal }}, prices.observed_at)
            ORDER BY prices.observed_at DESC
        ) AS place_from_end
    FROM crypto.fact_crypto_prices AS prices
    LEFT JOIN restated
        ON
            prices.source = restated.source
            AND prices.symbol = restated.symbol
            AND prices.quote_currency = restated.quote_currency
            AND prices.observed_at = restated.observed_at
    WHERE
        prices.observed_at >= {{ params.start | literal }}
        AND prices.observed_at < {{ params.end | literal }}
        AND prices.candle_interval = {{ settings().candle_interval | literal }}
)

SELECT
    source,
    symbol,
    quote_currency,
    opens_at,
    MAX(CASE WHEN place = 1 THEN open_price END) AS open_price,
    MAX(high_price) AS high_price,
    MIN(low_price) AS low_price,
    MAX(CASE WHEN place_from_end = 1 THEN close_price END) AS close_price,
    CASE WHEN COUNT(volume_term) = COUNT(base_volume) THEN SUM(volume_term) END AS base_volume,
    COUNT(*) AS candles,
    SUM(is_restated) AS restated
FROM candles
GROUP BY source, symbol, quote_currency, opens_at
ORDER BY source, symbol, quote_currency, opens_at
