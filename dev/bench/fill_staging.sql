-- Fills a staging table with the candles that crypto.fact_crypto_prices has for a day after fill_warehouse.sql, or with
-- other prices. This stands in for the COPY.
INSERT INTO crypto.{table}
SELECT 'binance', split_part(market, '/', 1), split_part(market, '/', 2), '1h', hour,
    price, price * 1.01, price * 0.99, price * 1.005, price / 7, price / 3, 1000 + place, NULL,
    's3://crypto-prices-lake/raw/binance/1h/' || hour::date || '/' || market || '.json.gz', hour + interval '1 day',
    %(batch_id)s
FROM generate_series(%(day)s::timestamp, %(day)s::timestamp + interval '23 hours', interval '1 hour') AS hour,
    unnest(%(markets)s::text[]) WITH ORDINALITY AS listed (market, place),
    LATERAL (
        SELECT 20000 + place * 100 + extract(day FROM hour) + extract(hour FROM hour) / 7 + %(change)s AS price
    ) AS priced;
