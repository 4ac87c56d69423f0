-- audit/find_acceptances
-- The days of markets whose newest load has rejected records that a user accepted. Accepted loads are rare.
WITH {% set digits = 3 %}{% include 'shared/whole_numbers.jinja' %}

{% include 'shared/loads_of_markets.jinja' %},

accepted AS (
    SELECT
        loads.source,
        loads.symbol,
        loads.quote_currency,
        CAST(DATEADD(DAY, places.place, loads.window_start) AS DATE) AS observed_on,
        loads.load_number,
        loads.accepted_by,
        loads.accepted_because
    FROM loads_of_markets AS loads
    INNER JOIN places ON places.place < DATEDIFF(DAY, loads.window_start, loads.window_end)
    WHERE loads.accepted_by IS NOT NULL
)

SELECT
    accepted.source,
    accepted.observed_on,
    accepted.accepted_by,
    accepted.accepted_because,
    accepted.symbol || '/' || accepted.quote_currency AS market
FROM accepted
LEFT JOIN loads_of_markets AS newer
    ON
        accepted.source = newer.source
        AND accepted.symbol = newer.symbol
        AND accepted.quote_currency = newer.quote_currency
        AND accepted.observed_on >= newer.window_start
        AND accepted.observed_on < newer.window_end
        AND COALESCE(accepted.load_number, 0) < COALESCE(newer.load_number, 0)
WHERE
    newer.source IS NULL
    AND accepted.observed_on IN ({{ planned_days | map('literal') | join(', ') }})
