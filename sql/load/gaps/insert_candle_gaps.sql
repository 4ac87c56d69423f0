-- load/gaps/insert_candle_gaps
INSERT INTO crypto.candle_gaps (
    source,
    symbol,
    quote_currency,
    candle_interval,
    starts_at,
    ends_at,
    candles,
    reason,
    noted_at
)
SELECT
    source,
    symbol,
    quote_currency,
    candle_interval,
    starts_at,
    ends_at,
    candles,
    reason,
    noted_at
FROM changed_gaps
