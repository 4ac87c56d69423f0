-- marts/daily_prices/insert_daily_prices
-- The candles of a market and day are those of one interval: the one that covers most of the day, or the shortest of
-- those. The next statements fill in the returns.
{% from 'marts/limits.jinja' import largest_sum, largest_typical_sum, largest_count %}
INSERT INTO crypto.daily_prices (
    source,
    symbol,
    quote_currency,
    price_date,
    candle_interval,
    open_price,
    high_price,
    low_price,
    close_price,
    close_observed_at,
    base_volume,
    quote_volume,
    trade_count,
    vwap,
    vwap_method,
    candles,
    expected_candles,
    traded_candles,
    is_complete,
    through_load
)
WITH candles AS (
    SELECT
        fact.source,
        fact.symbol,
        fact.quote_currency,
        touched_days.price_date,
        fact.candle_interval,
        fact.observed_at,
        fact.open_price,
        fact.high_price,
        fact.low_price,
        fact.close_price,
        fact.base_volume,
        fact.quote_volume,
        fact.trade_count
    FROM crypto.fact_crypto_prices AS fact
    INNER JOIN touched_days
        ON
            fact.source = touched_days.source
            AND CAST(fact.observed_at AS DATE) = touched_days.price_date
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
        price_date,
        candle_interval,
        {% include 'marts/interval_seconds.jinja' %} AS interval_seconds,
        COUNT(*) OVER (
            PARTITION BY source, symbol, quote_currency, price_date, candle_interval
        ) AS interval_candles,
        observed_at,
        open_price,
        high_price,
        low_price,
        close_price,
        base_volume,
        quote_volume,
        trade_count
    FROM candles
),

-- All candles of the chosen interval have the rank 1.
ranked AS (
    SELECT
        source,
        symbol,
        quote_currency,
        price_date,
        candle_interval,
        interval_seconds,
        86400 / interval_seconds AS expected_candles,
        RANK() OVER (
            PARTITION BY source, symbol, quote_currency, price_date
            ORDER BY interval_candles * interval_seconds DESC, interval_seconds ASC, candle_interval ASC
        ) AS choice,
        observed_at,
        open_price,
        high_price,
        low_price,
        close_price,
        base_volume,
        quote_volume,
        trade_count,
        (
            CAST(high_price AS DOUBLE PRECISION)
            + CAST(low_price AS DOUBLE PRECISION)
            + CAST(close_price AS DOUBLE PRECISION)
        ) / 3 * CAST(base_volume AS DOUBLE PRECISION) AS typical_value
    FROM measured
),

-- One absurd value must not stop the marts. It gets no term, so its sum is NULL. A term of the typical price is
-- rounded, so that the sum does not depend on the order of the candles.
chosen AS (
    SELECT
        source,
        symbol,
        quote_currency,
        price_date,
        candle_interval,
        interval_seconds,
        observed_at,
        open_price,
        high_price,
        low_price,
        close_price,
        base_volume,
        {% for column, limit in [
            ('base_volume', largest_sum), ('quote_volume', largest_sum), ('trade_count', largest_count)
        ] %}
            CASE
                WHEN
                    ABS(CAST({{ column | name }} AS DOUBLE PRECISION)) * expected_candles < {{ limit | literal }}
                    THEN {{ column | name }}
            END AS {{ column | name }}_term,
        {% endfor %}
        CASE
            WHEN ABS(typical_value) * expected_candles < {{ largest_typical_sum | literal }}
                THEN CAST(ROUND(typical_value, 12) AS DECIMAL(38, 12))
        END AS typical_term,
        ROW_NUMBER() OVER (
            PARTITION BY source, symbol, quote_currency, price_date
            ORDER BY observed_at
        ) AS from_first,
        ROW_NUMBER() OVER (
            PARTITION BY source, symbol, quote_currency, price_date
            ORDER BY observed_at DESC
        ) AS from_last
    FROM ranked
    WHERE choice = 1
),

-- A sum is NULL unless every candle has a term.
days AS (
    SELECT
        source,
        symbol,
        quote_currency,
        price_date,
        candle_interval,
        MAX(CASE WHEN from_first = 1 THEN open_price END) AS open_price,
        MAX(high_price) AS high_price,
        MIN(low_price) AS low_price,
        MAX(CASE WHEN from_last = 1 THEN close_price END) AS close_price,
        MAX(observed_at) AS close_observed_at,
        CASE WHEN COUNT(base_volume_term) = COUNT(*) THEN SUM(base_volume_term) END AS base_volume,
        CASE WHEN COUNT(quote_volume_term) = COUNT(*) THEN SUM(quote_volume_term) END AS quote_volume,
        CASE WHEN COUNT(trade_count_term) = COUNT(*) THEN SUM(trade_count_term) END AS trade_count,
        CASE WHEN COUNT(typical_term) = COUNT(*) THEN SUM(typical_term) END AS typical_value,
        COUNT(*) AS candles,
        CAST(86400 / MAX(interval_seconds) AS BIGINT) AS expected_candles,
        SUM(CASE WHEN base_volume > 0 THEN 1 ELSE 0 END) AS traded_candles
    FROM chosen
    GROUP BY source, symbol, quote_currency, price_date, candle_interval
)

SELECT
    source,
    symbol,
    quote_currency,
    price_date,
    candle_interval,
    open_price,
    high_price,
    low_price,
    close_price,
    close_observed_at,
    base_volume,
    quote_volume,
    trade_count,
    CASE
        WHEN base_volume > 0
            THEN
                COALESCE(CAST(quote_volume AS DOUBLE PRECISION), CAST(typical_value AS DOUBLE PRECISION))
                / CAST(base_volume AS DOUBLE PRECISION)
    END AS vwap,
    CASE
        WHEN base_volume > 0 AND quote_volume IS NOT NULL THEN 'exact'
        WHEN base_volume > 0 AND typical_value IS NOT NULL THEN 'typical'
    END AS vwap_method,
    candles,
    expected_candles,
    traded_candles,
    candles = expected_candles AS is_complete,
    {{ refresh(ti).through_load | literal }} AS through_load
FROM days
