-- audit/count_rows
-- Counts the fact table's rows by market and day.
SELECT
    source,
    CAST(observed_at AS DATE) AS observed_on,
    symbol || '/' || quote_currency AS market,
    COUNT(*) AS row_total
FROM crypto.fact_crypto_prices
WHERE
    observed_at >= {{ params.start | literal }}
    AND observed_at < {{ params.end | literal }}
    AND candle_interval = {{ settings().candle_interval | literal }}
GROUP BY source, symbol || '/' || quote_currency, CAST(observed_at AS DATE)
