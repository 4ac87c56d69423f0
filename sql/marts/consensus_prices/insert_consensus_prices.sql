-- marts/consensus_prices/insert_consensus_prices
-- The unweighted median of the venues that count. No venue is left out for its price, and nothing is carried forward.
{% from 'marts/limits.jinja' import most_bps %}
{% set value = 'usd_price' %}
INSERT INTO crypto.consensus_prices (
    symbol,
    hour_end,
    price,
    status,
    reason,
    venues,
    spread_bps,
    through_load
)
WITH prices AS (
    SELECT
        symbol,
        hour_end,
        source,
        is_weak,
        CASE WHEN left_out IS NULL THEN usd_price END AS usd_price,
        CASE WHEN left_out IS NULL THEN 1 ELSE 0 END AS is_vote
    FROM converted_prices
),

numbered AS (
    SELECT
        symbol,
        hour_end,
        usd_price,
        CASE WHEN is_vote = 1 AND is_weak THEN 1 ELSE 0 END AS weak_vote,
        -- A price that does not count is NULL, so it adds nothing to the median wherever it stands.
        ROW_NUMBER() OVER (
            PARTITION BY symbol, hour_end
            ORDER BY is_vote DESC, usd_price ASC, source ASC
        ) AS place,
        SUM(is_vote) OVER (PARTITION BY symbol, hour_end) AS votes
    FROM prices
),

counted AS (
    SELECT
        symbol,
        hour_end,
        MAX(votes) AS venues,
        MAX(weak_vote) AS weak_votes,
        {% include 'marts/median.jinja' %} AS price,
        MAX(usd_price) - MIN(usd_price) AS spread
    FROM numbered
    GROUP BY symbol, hour_end
),

found AS (
    SELECT
        symbol,
        hour_end,
        price,
        venues,
        weak_votes,
        spread / price * 10000 AS spread_bps
    FROM counted
),

judged AS (
    SELECT
        symbol,
        hour_end,
        price,
        venues,
        spread_bps,
        CASE
            WHEN venues = 0 THEN 'no_venue'
            WHEN venues = 1 THEN 'one_venue'
            WHEN venues = 2 AND spread_bps > {{ most_bps | literal }} THEN 'two_venues_apart'
            WHEN venues = 2 THEN 'two_venues'
            WHEN weak_votes > 0 THEN 'weak_rate'
        END AS reason
    FROM found
)

SELECT
    symbol,
    hour_end,
    CASE WHEN venues >= 3 OR reason = 'two_venues' THEN price END AS price,
    CASE
        WHEN reason IS NULL THEN 'ok'
        WHEN reason IN ('two_venues', 'weak_rate') THEN 'weak'
        ELSE 'none'
    END AS status,
    reason,
    venues,
    spread_bps,
    {{ refresh(ti).through_load | literal }} AS through_load
FROM judged
