CREATE OR REPLACE VIEW crypto_views.sources AS
SELECT
    source,
    kind
FROM crypto.sources
