GRANT USAGE ON SCHEMA crypto_views TO ROLE crypto_readers
