-- load/gaps/explain_candle_gaps
-- A market with candles in this window has been listed since then. Days can be loaded in any order, so this also
-- corrects the reason of gaps after the window.
UPDATE crypto.candle_gaps
SET reason = 'no_trade'
FROM (
    SELECT
        source,
        symbol,
        quote_currency,
        candle_interval,
        MIN(observed_at) AS first_at
    FROM crypto.fact_crypto_prices
    WHERE
        {% set sources = batch(ti).sources %}{% include 'shared/scope.jinja' %}
    GROUP BY source, symbol, quote_currency, candle_interval
) AS listed
WHERE
    candle_gaps.reason = 'not_listed'
    AND candle_gaps.source = listed.source
    AND candle_gaps.symbol = listed.symbol
    AND candle_gaps.quote_currency = listed.quote_currency
    AND candle_gaps.candle_interval = listed.candle_interval
    AND candle_gaps.observed_at > listed.first_at
