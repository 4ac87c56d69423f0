-- receipts/create_curated_rows
-- The temporary table ends with the batch's session, because SessionKeepAliveSeconds is not set:
-- https://docs.aws.amazon.com/redshift-data/latest/APIReference/API_BatchExecuteStatement.html
CREATE TEMP TABLE curated_rows (LIKE crypto.stg_crypto_prices)
