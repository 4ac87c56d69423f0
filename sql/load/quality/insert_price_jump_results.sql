-- load/quality/insert_price_jump_results
-- The number of times that a market's price changes by more than the threshold from one candle to the next. The first
-- candle is compared with the last one of the day before the window.
{% set sources = loaded(ti) %}
{% set rule = terms().rules.market_rules['price_jump'] %}
INSERT INTO crypto.data_quality_results (
    batch_id,
    source,
    market,
    rule_name,
    rule_action,
    threshold,
    checked,
    broken,
    status,
    assessed_at
)
WITH {% include 'load/markets.jinja' %}

prices AS (
    SELECT
        fact.source,
        fact.symbol,
        fact.quote_currency,
        fact.observed_at,
        CAST(COALESCE(fact.close_price, fact.open_price) AS DOUBLE PRECISION) AS price,
        CAST(LAG(COALESCE(fact.close_price, fact.open_price)) OVER (
            PARTITION BY fact.source, fact.symbol, fact.quote_currency
            ORDER BY fact.observed_at
        ) AS DOUBLE PRECISION) AS price_before
    FROM crypto.fact_crypto_prices AS fact
    INNER JOIN markets
        ON
            fact.source = markets.source
            AND fact.symbol = markets.symbol
            AND fact.quote_currency = markets.quote_currency
            AND fact.candle_interval = markets.candle_interval
    WHERE
        fact.observed_at >= DATEADD(DAY, -1, CAST({{ window(ti).start | literal }} AS TIMESTAMP))
        AND fact.observed_at < {{ window(ti).end | literal }}
),

counted AS (
    SELECT
        source,
        symbol,
        quote_currency,
        COUNT(price_before) AS checked,
        SUM(
            CASE
                WHEN
                    ABS(price - price_before)
                    > CAST({{ rule.threshold | string | literal }} AS DOUBLE PRECISION) * ABS(price_before)
                    THEN 1
                ELSE 0
            END
        ) AS broken
    FROM prices
    WHERE observed_at >= {{ window(ti).start | literal }}
    GROUP BY source, symbol, quote_currency
)

SELECT
    {{ report(ti).batch_id | literal }} AS batch_id,
    source,
    symbol || '/' || quote_currency AS market,
    'price_jump' AS rule_name,
    {{ rule.action | literal }} AS rule_action,
    CAST({{ rule.threshold | string | literal }} AS DOUBLE PRECISION) AS threshold,
    checked,
    broken,
    CASE
        WHEN broken > 0 THEN {{ ('failed' if rule.action == 'fail' else 'warned') | literal }}
        ELSE 'passed'
    END AS status,
    GETDATE() AS assessed_at
FROM counted
