-- marts/dimensions/insert_assets
-- Every asset that is not listed here is a coin. A wrapped asset is a claim on another one, a stablecoin one on a
-- currency.
INSERT INTO crypto.assets (asset, kind)
WITH listed (asset, kind) AS (
    {%- for kind, assets in {
        'fiat': ['AUD', 'BRL', 'CAD', 'CHF', 'EUR', 'GBP', 'JPY', 'TRY', 'USD'],
        'stablecoin': [
            'BUSD', 'DAI', 'EURC', 'EURI', 'FDUSD', 'GUSD', 'PAX', 'PYUSD', 'RLUSD', 'TUSD', 'USD1', 'USDC', 'USDE',
            'USDP', 'USDT', 'USTC', 'XUSD'
        ],
        'wrapped': ['BETH', 'CBBTC', 'CBETH', 'STETH', 'WBETH', 'WBTC', 'WETH', 'WSTETH'],
    }.items() %}
        {% set of_kind = loop %}
        {% for asset in assets %}
            {% if not (of_kind.first and loop.first) %}UNION ALL{% endif %}
            SELECT
                CAST({{ asset | literal }} AS VARCHAR(32)),
                CAST({{ kind | literal }} AS VARCHAR(16))
        {%- endfor %}
    {%- endfor %}
),

traded AS (
    SELECT DISTINCT asset
    FROM (
        SELECT symbol AS asset
        FROM crypto.daily_prices
        UNION ALL
        SELECT quote_currency AS asset
        FROM crypto.daily_prices
    ) AS mentioned
)

SELECT
    asset,
    kind
FROM listed
UNION ALL
SELECT
    traded.asset,
    CAST('coin' AS VARCHAR(16)) AS kind
FROM traded
LEFT JOIN listed ON traded.asset = listed.asset
WHERE listed.asset IS NULL
