-- load/quality/insert_completeness_results
-- The share of its expected candles that each market has in the window.
{% set sources = batch(ti).sources %}
{% set rule = settings().rules.market_rules['completeness'] %}
{% set candles = expected_candles(batch(ti).sources[0], window(ti)) %}
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
WITH {% include 'load/places.jinja' %}

{% include 'load/markets.jinja' %}

gaps AS (
    SELECT
        source,
        symbol,
        quote_currency,
        COUNT(*) AS gap_total
    FROM crypto.candle_gaps
    WHERE
        {% set sources = batch(ti).sources %}{% include 'shared/scope.jinja' %}
    GROUP BY source, symbol, quote_currency
)

SELECT
    {{ report(ti).batch_id | literal }} AS batch_id,
    markets.source,
    markets.symbol || '/' || markets.quote_currency AS market,
    'completeness' AS rule_name,
    {{ rule.action | literal }} AS rule_action,
    CAST({{ rule.threshold | string | literal }} AS DOUBLE PRECISION) AS threshold,
    {{ candles | literal }} AS checked,
    COALESCE(gaps.gap_total, 0) AS broken,
    CASE
        WHEN
            {{ candles | literal }} - COALESCE(gaps.gap_total, 0)
            < CAST({{ rule.threshold | string | literal }} AS DOUBLE PRECISION) * {{ candles | literal }}
            THEN {{ ('failed' if rule.action == 'fail' else 'warned') | literal }}
        ELSE 'passed'
    END AS status,
    GETDATE() AS assessed_at
FROM markets
LEFT JOIN gaps
    ON
        markets.source = gaps.source
        AND markets.symbol = gaps.symbol
        AND markets.quote_currency = gaps.quote_currency
