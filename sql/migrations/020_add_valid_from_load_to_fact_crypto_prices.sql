-- The load that gave the row its values. Rows from before crypto.load_log have the number 0.
ALTER TABLE crypto.fact_crypto_prices ADD COLUMN valid_from_load BIGINT DEFAULT 0 NOT NULL
