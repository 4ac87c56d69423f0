CREATE OR REPLACE VIEW crypto_views.rates AS
SELECT
    quote_currency,
    hour_end AS closes_at,
    rate,
    method,
    venues,
    spread_bps,
    through_load
FROM crypto.quote_rates
