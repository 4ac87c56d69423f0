-- Fills the tables of a warehouse whose migrations have been applied with loads of single days. This is PostgreSQL's SQL,
-- because Redshift cannot generate a series. The first and the last day, and the number of markets, are parameters.
INSERT INTO crypto.market_sets
SELECT %(market_set)s, split_part(market, '/', 1), split_part(market, '/', 2) FROM unnest(%(markets)s::text[]) AS market;

INSERT INTO crypto.fact_crypto_prices
SELECT 'binance', split_part(market, '/', 1), split_part(market, '/', 2), '1h', hour,
    price, price * 1.01, price * 0.99, price * 1.005, price / 7, price / 3, 1000 + place, NULL,
    's3://crypto-prices-lake/raw/binance/1h/' || hour::date || '/' || market || '.json.gz', hour + interval '1 day 1 hour',
    to_char(hour, 'YYYYMMDD') || '-load-1'
FROM generate_series(%(first_day)s::timestamp, %(last_day)s::timestamp + interval '23 hours', interval '1 hour') AS hour,
    unnest(%(markets)s::text[]) WITH ORDINALITY AS listed (market, place),
    LATERAL (SELECT 20000 + place * 100 + extract(day FROM hour) + extract(hour FROM hour) / 7 AS price) AS priced
ORDER BY hour;

INSERT INTO crypto.etl_metadata (
    batch_id, source, candle_interval, window_start, window_end, market_set, market_total, content_hash, raw_manifest,
    glue_job_run_id, copy_manifest, dag_id, run_id, status, rows_fetched, rows_quarantined, rows_duplicate, rows_curated,
    rows_staged, rows_merged, rows_in_window, rows_removed, rows_owned, load_number, fetched_at, loaded_at, recorded_at)
SELECT to_char(day, 'YYYYMMDD') || '-load-1', 'binance', '1h', day::date, day::date + 1, %(market_set)s, cardinality(%(markets)s::text[]),
    md5(day::text), 's3://crypto-prices-lake/raw/binance/1h/' || day::date || '/manifest.json', 'jr_' || md5(day::text),
    's3://crypto-prices-lake/curated/_manifests/' || md5(day::text) || '/copy_manifest.json', 'crypto_prices_daily',
    'scheduled__' || day::date, 'loaded', total, 0, 0, total, total, total, total, 0, total,
    day::date - %(first_day)s::date + 1, day + interval '1 day 1 hour', day + interval '1 day 2 hours',
    day + interval '1 day 2 hours'
FROM generate_series(%(first_day)s::timestamp, %(last_day)s, interval '1 day') AS day,
    LATERAL (SELECT 24 * cardinality(%(markets)s::text[]) AS total) AS counted;

-- Two missing candles a day, of different markets.
INSERT INTO crypto.candle_gaps
SELECT 'binance', split_part(market, '/', 1), split_part(market, '/', 2), '1h', hour, hour + interval '1 hour', 1, 'no_trade',
    hour + interval '1 day'
FROM generate_series(%(first_day)s::timestamp, %(last_day)s::timestamp + interval '12 hours', interval '12 hours')
        WITH ORDINALITY AS missing (hour, place),
    LATERAL (SELECT (%(markets)s::text[])[1 + place %% cardinality(%(markets)s::text[])] AS market) AS chosen
ORDER BY hour;

INSERT INTO crypto.data_quality_results
SELECT to_char(day, 'YYYYMMDD') || '-load-1', 'binance', rule.market, rule.name, 'warn', 0.5, 24, 0, 'passed', day + interval '1 day 2 hours'
FROM generate_series(%(first_day)s::timestamp, %(last_day)s, interval '1 day') AS day,
    LATERAL (
        SELECT market, name FROM unnest(%(markets)s::text[]) AS market, unnest(ARRAY['completeness', 'price_jump']) AS name
        UNION ALL
        SELECT NULL, 'row_rule_' || number FROM generate_series(1, 8) AS number
    ) AS rule
ORDER BY day;

UPDATE crypto.load_counter SET last_load_number = %(last_day)s::date - %(first_day)s::date + 1;
