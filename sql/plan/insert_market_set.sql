-- plan/insert_market_set
-- Writes a part of a market set. A set never changes, so markets that an earlier try wrote stay.
INSERT INTO crypto.market_sets (market_set, symbol, quote_currency)
WITH requested (symbol, quote_currency) AS (
    {%- for symbol, quote_currency in markets %}
        {% if not loop.first %}UNION ALL{% endif %}
        SELECT
            CAST({{ symbol | literal }} AS VARCHAR(32)),
            CAST({{ quote_currency | literal }} AS VARCHAR(16))
    {%- endfor %}
)

SELECT
    {{ market_set | literal }} AS market_set,
    requested.symbol,
    requested.quote_currency
FROM requested
LEFT JOIN crypto.market_sets AS known
    ON
        known.market_set = {{ market_set | literal }}
        AND requested.symbol = known.symbol
        AND requested.quote_currency = known.quote_currency
WHERE known.symbol IS NULL
