-- audit/find_expected_markets
SELECT
    source,
    symbol,
    quote_currency,
    used_from,
    used_until
FROM crypto.expected_markets
WHERE candle_interval = {{ settings().candle_interval | literal }}
