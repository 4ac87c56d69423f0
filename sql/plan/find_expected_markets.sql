-- plan/find_expected_markets
SELECT
    source,
    symbol,
    quote_currency,
    candle_interval,
    used_from,
    used_until
FROM crypto.expected_markets
