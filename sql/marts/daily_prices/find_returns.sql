-- marts/daily_prices/find_returns
-- The ratio of each close to the one of the day before. A day has one if it and the day before have their last candle,
-- a trade and a positive close.
CREATE TEMP TABLE day_ratios AS
WITH days AS (
    SELECT
        source,
        symbol,
        quote_currency,
        price_date,
        close_price,
        CASE
            WHEN
                close_price > 0
                AND traded_candles > 0
                AND DATEADD(SECOND, CAST(86400 / expected_candles AS INTEGER), close_observed_at)
                = DATEADD(DAY, 1, price_date)
                THEN 1
            ELSE 0
        END AS is_usable
    FROM crypto.daily_prices
    WHERE
        price_date >= DATEADD(DAY, -1, CAST({{ refresh(ti).first_day | literal }} AS DATE))
        AND price_date <= {{ refresh(ti).end_day | literal }}
),

compared AS (
    SELECT
        source,
        symbol,
        quote_currency,
        price_date,
        close_price,
        is_usable,
        LAG(price_date) OVER (PARTITION BY source, symbol, quote_currency ORDER BY price_date) AS date_before,
        LAG(close_price) OVER (PARTITION BY source, symbol, quote_currency ORDER BY price_date) AS close_before,
        LAG(is_usable) OVER (PARTITION BY source, symbol, quote_currency ORDER BY price_date) AS usable_before
    FROM days
)

SELECT
    compared.source,
    compared.symbol,
    compared.quote_currency,
    compared.price_date,
    CASE
        WHEN
            compared.is_usable = 1
            AND compared.usable_before = 1
            AND DATEADD(DAY, 1, compared.date_before) = compared.price_date
            THEN
                CAST(compared.close_price AS DOUBLE PRECISION)
                / CAST(compared.close_before AS DOUBLE PRECISION)
    END AS price_ratio
FROM compared
INNER JOIN return_days
    ON
        compared.source = return_days.source
        AND compared.price_date = return_days.price_date
