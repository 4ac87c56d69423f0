-- receipts/find_expected_market
-- The market in the settings, and the days on which its exchange used this name.
SELECT
    used_from,
    used_until
FROM crypto.expected_markets
WHERE
    source = {{ question.source | literal }}
    AND symbol = {{ question.symbol | literal }}
    AND quote_currency = {{ question.quote_currency | literal }}
    AND candle_interval = {{ question.candle_interval | literal }}
