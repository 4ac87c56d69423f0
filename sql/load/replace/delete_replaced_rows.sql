-- load/replace/delete_replaced_rows
-- Deletes the rows that this load removes, and those that the next statement inserts again. The two replace a MERGE,
-- whose ON takes only equalities. The range on the sort key limits the scan to the window:
-- https://docs.aws.amazon.com/redshift/latest/dg/merge-specify-a-column-list.html
DELETE FROM crypto.fact_crypto_prices
USING compared_rows AS compared
WHERE
    fact_crypto_prices.observed_at >= {{ window(ti).start | literal }}
    AND fact_crypto_prices.observed_at < {{ window(ti).end | literal }}
    AND fact_crypto_prices.source = compared.source
    AND fact_crypto_prices.symbol = compared.symbol
    AND fact_crypto_prices.quote_currency = compared.quote_currency
    AND fact_crypto_prices.candle_interval = compared.candle_interval
    AND fact_crypto_prices.observed_at = compared.observed_at
