-- Only the views that exist now. A migration that adds a view also grants SELECT on it.
GRANT SELECT ON ALL TABLES IN SCHEMA crypto_views TO ROLE crypto_readers
