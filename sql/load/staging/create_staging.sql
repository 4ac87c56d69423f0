-- load/staging/create_staging
CREATE TABLE crypto.{{ batch(ti).staging_table | name }} (LIKE crypto.stg_crypto_prices)
