-- marts/consensus_prices/insert_quote_rates
-- The rate of a quote currency is the median of the venues that trade it for US dollars. It is never taken at par.
{% from 'marts/limits.jinja' import most_bps %}
{% set value = 'price' %}
INSERT INTO crypto.quote_rates (
    quote_currency,
    hour_end,
    rate,
    method,
    venues,
    spread_bps,
    through_load
)
WITH votes AS (
    SELECT
        symbol AS quote_currency,
        hour_end,
        price,
        ROW_NUMBER() OVER (PARTITION BY symbol, hour_end ORDER BY price, source) AS place,
        COUNT(*) OVER (PARTITION BY symbol, hour_end) AS votes
    FROM hour_closes
    WHERE quote_currency = 'USD' AND unfit IS NULL
),

-- Each quote currency has a row, even without a vote. A symbol that is not a quote currency has none.
votes_and_quotes AS (
    SELECT
        quote_currency,
        hour_end,
        price,
        place,
        votes,
        0 AS is_quote
    FROM votes
    UNION ALL
    SELECT
        quote_currency,
        hour_end,
        CAST(NULL AS DOUBLE PRECISION) AS price,
        CAST(NULL AS BIGINT) AS place,
        CAST(NULL AS BIGINT) AS votes,
        1 AS is_quote
    FROM hour_closes
),

counted AS (
    SELECT
        quote_currency,
        hour_end,
        COALESCE(MAX(votes), 0) AS venues,
        {% include 'marts/median.jinja' %} AS rate,
        MAX(price) - MIN(price) AS spread,
        MAX(is_quote) AS is_quote
    FROM votes_and_quotes
    GROUP BY quote_currency, hour_end
),

found AS (
    SELECT
        quote_currency,
        hour_end,
        rate,
        venues,
        spread / rate * 10000 AS spread_bps
    FROM counted
    WHERE is_quote = 1
),

judged AS (
    SELECT
        quote_currency,
        hour_end,
        rate,
        venues,
        spread_bps,
        CASE
            WHEN quote_currency = 'USD' THEN 'usd'
            WHEN venues >= 3 THEN 'median'
            WHEN venues = 2 AND spread_bps <= {{ most_bps | literal }} THEN 'weak'
            WHEN venues = 2 THEN 'two_venues_apart'
            WHEN venues = 1 THEN 'one_venue'
            ELSE 'no_venue'
        END AS method -- noqa: RF04
    FROM found
)

SELECT
    quote_currency,
    hour_end,
    CASE
        WHEN method = 'usd' THEN CAST(1 AS DOUBLE PRECISION)
        WHEN method IN ('median', 'weak') THEN rate
    END AS rate,
    method,
    venues,
    spread_bps,
    {{ refresh(ti).through_load | literal }} AS through_load
FROM judged
