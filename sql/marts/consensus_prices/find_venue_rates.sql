-- marts/consensus_prices/find_venue_rates
-- The rate that each venue's prices in another currency are converted with. It comes from the other venues only, so a
-- venue has no influence on its own rate.
{% from 'marts/limits.jinja' import most_bps %}
{% set value = 'price' %}
CREATE TEMP TABLE venue_rates AS
WITH needed AS (
    SELECT DISTINCT
        source,
        quote_currency,
        hour_end
    FROM hour_closes
    WHERE quote_currency <> 'USD' AND unfit IS NULL
),

votes AS (
    SELECT
        needed.source,
        needed.quote_currency,
        needed.hour_end,
        voters.price,
        ROW_NUMBER() OVER (
            PARTITION BY needed.source, needed.quote_currency, needed.hour_end
            ORDER BY voters.price, voters.source
        ) AS place,
        COUNT(*) OVER (PARTITION BY needed.source, needed.quote_currency, needed.hour_end) AS votes
    FROM needed
    INNER JOIN hour_closes AS voters
        ON
            needed.quote_currency = voters.symbol
            AND needed.hour_end = voters.hour_end
            AND needed.source <> voters.source
    WHERE voters.quote_currency = 'USD' AND voters.unfit IS NULL
),

counted AS (
    SELECT
        source,
        quote_currency,
        hour_end,
        MAX(votes) AS venues,
        {% include 'marts/median.jinja' %} AS rate,
        MAX(price) - MIN(price) AS spread
    FROM votes
    GROUP BY source, quote_currency, hour_end
)

SELECT
    source,
    quote_currency,
    hour_end,
    rate,
    venues < 3 AS is_weak
FROM counted
WHERE venues >= 3 OR (venues = 2 AND spread / rate * 10000 <= {{ most_bps | literal }})
