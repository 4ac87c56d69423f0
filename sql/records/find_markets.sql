-- records/find_markets from {{ window_start | literal }} to {{ window_end | literal }}
-- The markets of some sets.
SELECT
    market_set,
    symbol || '/' || quote_currency AS market
FROM crypto.market_sets
WHERE market_set IN ({{ market_sets | map('literal') | join(', ') }})
ORDER BY market_set, symbol, quote_currency
