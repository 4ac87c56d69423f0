CREATE OR REPLACE VIEW crypto_views.consensus AS
SELECT
    symbol,
    hour_end AS closes_at,
    price,
    status,
    reason,
    venues,
    spread_bps,
    through_load
FROM crypto.consensus_prices
