-- Fills a staging table with the candles that crypto.fact_crypto_prices would have for a day. This stands in for the COPY.
INSERT INTO crypto.{table}
SELECT 'binance', requested.symbol, requested.quote_currency, '1h', hour,
    price, price * 1.01, price * 0.99, price * 1.005, price / 7, price / 3, 1000, NULL,
    's3://crypto-prices-lake/raw/binance/1h/' || hour::date || '/' || requested.symbol || '.json.gz', hour + interval '1 day',
    %(batch_id)s
FROM generate_series(%(day)s::timestamp, %(day)s::timestamp + interval '23 hours', interval '1 hour') AS hour,
    crypto.market_sets AS requested,
    LATERAL (SELECT 20000 + extract(day FROM hour) + extract(hour FROM hour) / 7 AS price) AS priced;
