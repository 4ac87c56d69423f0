CREATE OR REPLACE VIEW crypto_views.assets AS
SELECT
    asset,
    kind
FROM crypto.assets
