-- Fills the tables of a warehouse whose migrations have been applied with loads of single days. Every day was loaded
-- twice: the second load changed one candle and confirmed the others. This is PostgreSQL's SQL, because Redshift cannot
-- generate a series. The first and the last day, and the markets, are parameters.
INSERT INTO crypto.market_sets
SELECT %(market_set)s, split_part(market, '/', 1), split_part(market, '/', 2) FROM unnest(%(markets)s::text[]) AS market;

INSERT INTO crypto.fact_crypto_prices
SELECT 'binance', split_part(market, '/', 1), split_part(market, '/', 2), '1h', hour,
    price, price * 1.01, price * 0.99, price * 1.005, price / 7, price / 3, 1000 + place, NULL,
    's3://crypto-prices-lake/raw/binance/1h/' || hour::date || '/' || market || '.json.gz', hour + interval '1 day 1 hour',
    to_char(hour, 'YYYYMMDD') || '-load-2',
    2 * day_number - CASE WHEN extract(hour FROM hour) = 12 AND place = changed_place THEN 0 ELSE 1 END
FROM generate_series(%(first_day)s::timestamp, %(last_day)s::timestamp + interval '23 hours', interval '1 hour') AS hour,
    unnest(%(markets)s::text[]) WITH ORDINALITY AS listed (market, place),
    LATERAL (SELECT 20000 + place * 100 + extract(day FROM hour) + extract(hour FROM hour) / 7 AS price) AS priced,
    LATERAL (SELECT hour::date - %(first_day)s::date + 1 AS day_number) AS numbered,
    LATERAL (SELECT 1 + day_number %% cardinality(%(markets)s::text[]) AS changed_place) AS chosen
ORDER BY hour;

-- The values before the second load.
INSERT INTO crypto.price_versions
SELECT source, symbol, quote_currency, candle_interval, observed_at, open_price - 1, high_price, low_price - 1, close_price,
    base_volume, quote_volume, trade_count, market_cap, raw_object, ingested_at - interval '12 hours',
    to_char(observed_at, 'YYYYMMDD') || '-load-1', valid_from_load - 1, valid_from_load, 'changed'
FROM crypto.fact_crypto_prices
WHERE valid_from_load %% 2 = 0
ORDER BY observed_at;

INSERT INTO crypto.load_log (
    load_number, source, batch_id, window_start, window_end, market_set, candle_interval, fetched_at, merged_at, visible_at,
    forced, raw_manifest, content_hash, copy_manifest, glue_job_run_id, dag_id, run_id, dags_digest, plugins_digest,
    glue_digest, rules)
SELECT load_number, 'binance', to_char(day, 'YYYYMMDD') || '-load-' || place, day::date, day::date + 1, %(market_set)s, '1h',
    merged_at - interval '1 hour', merged_at, merged_at + interval '20 seconds', false,
    's3://crypto-prices-lake/raw/binance/1h/' || day::date || '/manifest-' || place || '.json', md5(load_number::text),
    's3://crypto-prices-lake/curated/_manifests/' || md5(load_number::text) || '/copy_manifest.json',
    'jr_' || md5(load_number::text), 'crypto_prices_daily', 'scheduled__' || day::date || '__' || place,
    repeat(md5('dags'), 2), repeat(md5('plugins'), 2), repeat(md5('glue'), 2), '{"max_rejected_share": 0.01}'
FROM generate_series(%(first_day)s::timestamp, %(last_day)s, interval '1 day') AS day,
    generate_series(1, 2) AS place,
    LATERAL (SELECT
        2 * (day::date - %(first_day)s::date) + place AS load_number,
        day + interval '1 day' + place * interval '10 hours' AS merged_at) AS numbered
ORDER BY load_number;

INSERT INTO crypto.etl_metadata (
    batch_id, source, candle_interval, window_start, window_end, market_set, market_total, content_hash, raw_manifest,
    glue_job_run_id, copy_manifest, dag_id, run_id, status, rows_fetched, rows_quarantined, rows_duplicate, rows_curated,
    rows_staged, rows_merged, rows_in_window, rows_removed, rows_owned, load_number, fetched_at, loaded_at, recorded_at)
SELECT batch_id, source, candle_interval, window_start, window_end, market_set, cardinality(%(markets)s::text[]),
    content_hash, raw_manifest, glue_job_run_id, copy_manifest, dag_id, run_id,
    'loaded', total, 0, 0, total, total, total, total, 0, total, load_number, fetched_at, merged_at, visible_at
FROM crypto.load_log,
    LATERAL (SELECT 24 * cardinality(%(markets)s::text[]) AS total) AS counted
WHERE load_number %% 2 = 0
ORDER BY load_number;

-- Two missing candles a day, of different markets.
INSERT INTO crypto.candle_gaps
SELECT 'binance', split_part(market, '/', 1), split_part(market, '/', 2), '1h', hour, hour + interval '1 hour', 1, 'no_trade',
    hour + interval '1 day'
FROM generate_series(%(first_day)s::timestamp, %(last_day)s::timestamp + interval '12 hours', interval '12 hours')
        WITH ORDINALITY AS missing (hour, place),
    LATERAL (SELECT (%(markets)s::text[])[1 + place %% cardinality(%(markets)s::text[])] AS market) AS chosen
ORDER BY hour;

INSERT INTO crypto.data_quality_results
SELECT to_char(day, 'YYYYMMDD') || '-load-2', 'binance', rule.market, rule.name, 'warn', 0.5, 24, 0, 'passed', day + interval '1 day 2 hours'
FROM generate_series(%(first_day)s::timestamp, %(last_day)s, interval '1 day') AS day,
    LATERAL (
        SELECT market, name FROM unnest(%(markets)s::text[]) AS market, unnest(ARRAY['completeness', 'price_jump']) AS name
        UNION ALL
        SELECT NULL, 'row_rule_' || number FROM generate_series(1, 8) AS number
    ) AS rule
ORDER BY day;

UPDATE crypto.load_counter SET last_load_number = (SELECT MAX(load_number) FROM crypto.load_log);
