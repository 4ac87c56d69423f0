-- marts/consensus_prices/find_venue_prices
-- Each market's price in US dollars. A venue counts once: with a market in US dollars, or else with the market of the
-- largest volume, and with a weak rate only if it has no better one.
CREATE TEMP TABLE converted_prices AS
WITH rated AS (
    SELECT
        closes.source,
        closes.symbol,
        closes.quote_currency,
        closes.candle_interval,
        closes.hour_end,
        closes.close_price,
        closes.base_volume,
        closes.price,
        CASE WHEN closes.quote_currency = 'USD' THEN CAST(1 AS DOUBLE PRECISION) ELSE rates.rate END AS usd_rate,
        COALESCE(rates.is_weak, FALSE) AS is_weak,
        CASE
            WHEN closes.unfit IS NOT NULL THEN closes.unfit
            WHEN closes.quote_currency <> 'USD' AND rates.rate IS NULL THEN CAST('no_rate' AS VARCHAR(16))
        END AS unfit
    FROM hour_closes AS closes
    LEFT JOIN venue_rates AS rates
        ON
            closes.source = rates.source
            AND closes.quote_currency = rates.quote_currency
            AND closes.hour_end = rates.hour_end
),

ranked AS (
    SELECT
        source,
        symbol,
        quote_currency,
        candle_interval,
        hour_end,
        close_price,
        base_volume,
        usd_rate,
        price * usd_rate AS usd_price,
        is_weak,
        unfit,
        ROW_NUMBER() OVER (
            PARTITION BY source, symbol, hour_end
            ORDER BY
                CASE WHEN unfit IS NULL THEN 0 ELSE 1 END,
                CASE WHEN is_weak THEN 1 ELSE 0 END,
                CASE WHEN quote_currency = 'USD' THEN 0 ELSE 1 END,
                base_volume DESC,
                quote_currency ASC
        ) AS choice
    FROM rated
)

SELECT
    source,
    symbol,
    quote_currency,
    candle_interval,
    hour_end,
    close_price,
    base_volume,
    usd_rate,
    usd_price,
    is_weak,
    CASE
        WHEN unfit IS NULL AND choice > 1 THEN CAST('other_market' AS VARCHAR(16))
        ELSE unfit
    END AS left_out
FROM ranked
