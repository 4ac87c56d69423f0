-- load/quality/insert_completeness_results
-- The share of its expected candles that each market has in the window.
{% set sources = loaded(ti) %}
{% set rule = terms().rules.market_rules['completeness'] %}
{% set candles = expected_candles(loaded(ti)[0], window(ti)) %}
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

counted AS (
    SELECT
        markets.source,
        markets.symbol,
        markets.quote_currency,
        -- GREATEST and LEAST ignore NULL, so a market without gaps needs its own case.
        CAST(SUM(CASE
            WHEN gaps.source IS NULL THEN 0
            ELSE DATEDIFF(
                SECOND,
                GREATEST(gaps.starts_at, CAST({{ window(ti).start | literal }} AS TIMESTAMP)),
                LEAST(gaps.ends_at, CAST({{ window(ti).end | literal }} AS TIMESTAMP))
            )
        END) AS BIGINT) / {{ interval_seconds(sources[0]) | literal }} AS gap_total
    FROM markets
    LEFT JOIN crypto.candle_gaps AS gaps
        ON
            markets.source = gaps.source
            AND markets.symbol = gaps.symbol
            AND markets.quote_currency = gaps.quote_currency
            AND markets.candle_interval = gaps.candle_interval
            AND gaps.starts_at < {{ window(ti).end | literal }}
            AND gaps.ends_at > {{ window(ti).start | literal }}
    GROUP BY markets.source, markets.symbol, markets.quote_currency
)

SELECT
    {{ report(ti).batch_id | literal }} AS batch_id,
    source,
    symbol || '/' || quote_currency AS market,
    'completeness' AS rule_name,
    {{ rule.action | literal }} AS rule_action,
    CAST({{ rule.threshold | string | literal }} AS DOUBLE PRECISION) AS threshold,
    {{ candles | literal }} AS checked,
    gap_total AS broken,
    CASE
        WHEN
            {{ candles | literal }} - gap_total
            < CAST({{ rule.threshold | string | literal }} AS DOUBLE PRECISION) * {{ candles | literal }}
            THEN {{ ('failed' if rule.action == 'fail' else 'warned') | literal }}
        ELSE 'passed'
    END AS status,
    GETDATE() AS assessed_at
FROM counted
