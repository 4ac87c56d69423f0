-- marts/price_statistics/insert_price_statistics
-- Redshift has no RANGE frames, so each market gets a row for every day between its first and last one, and frames of
-- ROWS are frames of days. Sums are exact decimals, so they do not depend on the day with which the frame began.
-- One absurd close must not stop the marts. It gets no term, so the averages over it are NULL.
{% from 'marts/limits.jinja' import largest_close %}
INSERT INTO crypto.price_statistics (
    source,
    symbol,
    quote_currency,
    price_date,
    sma_30,
    sma_90,
    returns_30,
    returns_90,
    volatility_30,
    volatility_90,
    drawdown_365,
    through_load
)
WITH {% set digits = 4 %}{% include 'shared/whole_numbers.jinja' %}

daily AS (
    SELECT
        prices.source,
        prices.symbol,
        prices.quote_currency,
        prices.price_date,
        prices.close_price,
        prices.log_return,
        touched_spans.first_day
    FROM crypto.daily_prices AS prices
    INNER JOIN touched_spans
        ON
            prices.source = touched_spans.source
            AND prices.price_date >= DATEADD(DAY, -364, touched_spans.first_day)
            AND prices.price_date < touched_spans.end_day
    WHERE
        prices.price_date >= DATEADD(DAY, -364, CAST({{ refresh(ti).first_day | literal }} AS DATE))
        AND prices.price_date < DATEADD(DAY, 365, CAST({{ refresh(ti).end_day | literal }} AS DATE))
),

markets AS (
    SELECT
        source,
        symbol,
        quote_currency,
        MIN(price_date) AS starts_on,
        MAX(price_date) AS ends_on
    FROM daily
    GROUP BY source, symbol, quote_currency
),

calendar AS (
    SELECT
        markets.source,
        markets.symbol,
        markets.quote_currency,
        CAST(DATEADD(DAY, places.place, markets.starts_on) AS DATE) AS price_date
    FROM markets
    INNER JOIN places ON places.place <= DATEDIFF(DAY, markets.starts_on, markets.ends_on)
),

-- The rows of both have the same key. Grouping them needs no join.
dense AS (
    SELECT
        source,
        symbol,
        quote_currency,
        price_date,
        MAX(first_day) AS first_day,
        MAX(close_price) AS close_price,
        CASE
            WHEN ABS(CAST(MAX(close_price) AS DOUBLE PRECISION)) < {{ largest_close | literal }}
                THEN MAX(close_price)
        END AS close_term,
        MAX(log_return) AS log_return
    FROM (
        SELECT
            source,
            symbol,
            quote_currency,
            price_date,
            first_day,
            close_price,
            log_return
        FROM daily
        UNION ALL
        SELECT
            source,
            symbol,
            quote_currency,
            price_date,
            CAST(NULL AS DATE) AS first_day,
            CAST(NULL AS DECIMAL(38, 18)) AS close_price,
            CAST(NULL AS DECIMAL(18, 12)) AS log_return
        FROM calendar
    ) AS days
    GROUP BY source, symbol, quote_currency, price_date
),

measured AS (
    SELECT
        source,
        symbol,
        quote_currency,
        price_date,
        first_day,
        close_price,
        {% for days in [30, 90] %}
            COUNT(close_price) OVER (
                PARTITION BY source, symbol, quote_currency
                ORDER BY price_date
                ROWS BETWEEN {{ (days - 1) | literal }} PRECEDING AND CURRENT ROW
            ) AS closes_{{ days | literal }},
            COUNT(close_term) OVER (
                PARTITION BY source, symbol, quote_currency
                ORDER BY price_date
                ROWS BETWEEN {{ (days - 1) | literal }} PRECEDING AND CURRENT ROW
            ) AS close_terms_{{ days | literal }},
            SUM(close_term) OVER (
                PARTITION BY source, symbol, quote_currency
                ORDER BY price_date
                ROWS BETWEEN {{ (days - 1) | literal }} PRECEDING AND CURRENT ROW
            ) AS close_sum_{{ days | literal }},
            COUNT(log_return) OVER (
                PARTITION BY source, symbol, quote_currency
                ORDER BY price_date
                ROWS BETWEEN {{ (days - 1) | literal }} PRECEDING AND CURRENT ROW
            ) AS returns_{{ days | literal }},
            CAST(SUM(log_return) OVER (
                PARTITION BY source, symbol, quote_currency
                ORDER BY price_date
                ROWS BETWEEN {{ (days - 1) | literal }} PRECEDING AND CURRENT ROW
            ) AS DOUBLE PRECISION) AS return_sum_{{ days | literal }},
            CAST(SUM(log_return * log_return) OVER (
                PARTITION BY source, symbol, quote_currency
                ORDER BY price_date
                ROWS BETWEEN {{ (days - 1) | literal }} PRECEDING AND CURRENT ROW
            ) AS DOUBLE PRECISION) AS square_sum_{{ days | literal }},
        {% endfor %}
        MAX(close_price) OVER (
            PARTITION BY source, symbol, quote_currency
            ORDER BY price_date
            ROWS BETWEEN 364 PRECEDING AND CURRENT ROW
        ) AS highest_close
    FROM dense
)

SELECT
    source,
    symbol,
    quote_currency,
    price_date,
    {% for days, least in [(30, 27), (90, 81)] %}
        CASE
            WHEN
                closes_{{ days | literal }} >= {{ least | literal }}
                AND close_terms_{{ days | literal }} = closes_{{ days | literal }}
                THEN
                    CAST(close_sum_{{ days | literal }} AS DOUBLE PRECISION)
                    / CAST(closes_{{ days | literal }} AS DOUBLE PRECISION)
        END AS sma_{{ days | literal }},
    {% endfor %}
    returns_30,
    returns_90,
    {% for days, least in [(30, 27), (90, 81)] %}
        CASE
            WHEN returns_{{ days | literal }} >= {{ least | literal }}
                THEN SQRT(365 * GREATEST(
                    CAST(0 AS DOUBLE PRECISION),
                    (
                        square_sum_{{ days | literal }}
                        - return_sum_{{ days | literal }} * return_sum_{{ days | literal }}
                        / CAST(returns_{{ days | literal }} AS DOUBLE PRECISION)
                    ) / CAST(returns_{{ days | literal }} - 1 AS DOUBLE PRECISION)
                ))
        END AS volatility_{{ days | literal }},
    {% endfor %}
    CASE
        WHEN highest_close > 0
            THEN CAST(close_price AS DOUBLE PRECISION) / CAST(highest_close AS DOUBLE PRECISION) - 1
    END AS drawdown_365,
    {{ refresh(ti).through_load | literal }} AS through_load
FROM measured
WHERE price_date >= first_day
