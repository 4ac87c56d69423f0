-- status/find_candles
-- One candle per market and day or hour. Its open and close prices are those of the first and the last candle in it.
WITH candles AS (
    SELECT
        source,
        symbol,
        quote_currency,
        DATE_TRUNC({{ unit | literal }}, observed_at) AS opens_at,
        open_price,
        high_price,
        low_price,
        close_price,
        base_volume,
        ROW_NUMBER() OVER (
            PARTITION BY source, symbol, quote_currency, DATE_TRUNC({{ unit | literal }}, observed_at)
            ORDER BY observed_at
        ) AS place,
        ROW_NUMBER() OVER (
            PARTITION BY source, symbol, quote_currency, DATE_TRUNC({{ unit | literal }}, observed_at)
            ORDER BY observed_at DESC
        ) AS place_from_end
    FROM crypto.fact_crypto_prices
    WHERE
        observed_at >= {{ params.start | literal }}
        AND observed_at < {{ params.end | literal }}
        AND candle_interval = {{ settings().candle_interval | literal }}
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
    SUM(base_volume) AS base_volume,
    COUNT(*) AS candles
FROM candles
GROUP BY source, symbol, quote_currency, opens_at
ORDER BY source, symbol, quote_currency, opens_at
