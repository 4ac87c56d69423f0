-- The views for analysts. The role crypto_readers sees only this schema.
CREATE SCHEMA IF NOT EXISTS crypto_views
