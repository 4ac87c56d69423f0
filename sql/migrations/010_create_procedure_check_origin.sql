-- Raises an error when staged rows belong to another attempt at the batch, because an abandoned COPY can still finish.
-- Also raises one when staged rows would add or replace candles in markets and days that another load fetched later:
-- merging an old run late must not undo a correction or a removal. It runs after insert_etl_metadata, which writes when
-- this load was fetched, and its window. The literal range on the sort key limits the scan of the fact table to the
-- window, and later loads are those that reach into it.
CREATE OR REPLACE PROCEDURE crypto.check_origin (
    staging_table IN VARCHAR(128),
    load_batch_id IN VARCHAR(128),
    forced IN BIGINT
)
AS $$
DECLARE
    foreign_rows BIGINT;
    window_from VARCHAR(32);
    window_to VARCHAR(32);
    undone RECORD;
    added_rows BIGINT := 0;
    replaced_rows BIGINT := 0;
    last_fetch TIMESTAMP := '1970-01-01';
    sources VARCHAR(4096) := '';
BEGIN
    EXECUTE 'SELECT COUNT(*) FROM crypto.' || quote_ident(staging_table)
        || ' WHERE batch_id <> ' || quote_literal(load_batch_id) INTO foreign_rows;
    IF foreign_rows > 0 THEN
        RAISE EXCEPTION 'CP-05 staging table crypto.% has % rows that do not belong to batch %. Clear this task with its downstream tasks to fill it again',
            staging_table, foreign_rows, load_batch_id;
    END IF;
    IF forced = 0 THEN
        SELECT CAST(MIN(window_start) AS VARCHAR(32)), CAST(MAX(window_end) AS VARCHAR(32)) INTO window_from, window_to
        FROM crypto.etl_metadata
        WHERE batch_id = load_batch_id;
        -- One row for each staged candle that differs from the fact table and that a later fetch covers.
        FOR undone IN EXECUTE 'SELECT source, SUM(is_new) AS added, SUM(1 - is_new) AS replaced,'
            || ' MAX(last_fetch) AS fetched_at FROM (SELECT staged.source, MAX(CASE WHEN loaded.source IS NULL THEN 1 ELSE 0 END) AS is_new,'
            || ' MAX(later.fetched_at) AS last_fetch'
            || ' FROM crypto.' || quote_ident(staging_table) || ' AS staged'
            || ' INNER JOIN crypto.etl_metadata AS own ON own.source = staged.source'
            || ' AND own.batch_id = ' || quote_literal(load_batch_id)
            || ' INNER JOIN crypto.etl_metadata AS later ON later.source = staged.source'
            || ' AND later.candle_interval = staged.candle_interval'
            || ' AND later.window_start < ' || quote_literal(window_to)
            || ' AND later.window_end > ' || quote_literal(window_from)
            || ' AND later.fetched_at > COALESCE(own.fetched_at, ''1970-01-01'')'
            || ' AND later.window_start <= staged.observed_at AND later.window_end > staged.observed_at'
            || ' INNER JOIN crypto.market_sets AS requested ON requested.market_set = later.market_set'
            || ' AND requested.symbol = staged.symbol AND requested.quote_currency = staged.quote_currency'
            || ' LEFT JOIN crypto.fact_crypto_prices AS loaded ON loaded.source = staged.source'
            || ' AND loaded.symbol = staged.symbol AND loaded.quote_currency = staged.quote_currency'
            || ' AND loaded.candle_interval = staged.candle_interval AND loaded.observed_at = staged.observed_at'
            || ' AND loaded.observed_at >= ' || quote_literal(window_from)
            || ' AND loaded.observed_at < ' || quote_literal(window_to)
            || ' WHERE loaded.source IS NULL'
            || ' OR loaded.open_price <> staged.open_price OR (loaded.open_price IS NULL) <> (staged.open_price IS NULL)'
            || ' OR loaded.high_price <> staged.high_price OR (loaded.high_price IS NULL) <> (staged.high_price IS NULL)'
            || ' OR loaded.low_price <> staged.low_price OR (loaded.low_price IS NULL) <> (staged.low_price IS NULL)'
            || ' OR loaded.close_price <> staged.close_price OR (loaded.close_price IS NULL) <> (staged.close_price IS NULL)'
            || ' OR loaded.base_volume <> staged.base_volume OR (loaded.base_volume IS NULL) <> (staged.base_volume IS NULL)'
            || ' OR loaded.quote_volume <> staged.quote_volume OR (loaded.quote_volume IS NULL) <> (staged.quote_volume IS NULL)'
            || ' OR loaded.trade_count <> staged.trade_count OR (loaded.trade_count IS NULL) <> (staged.trade_count IS NULL)'
            || ' OR loaded.market_cap <> staged.market_cap OR (loaded.market_cap IS NULL) <> (staged.market_cap IS NULL)'
            || ' GROUP BY staged.source, staged.symbol, staged.quote_currency, staged.candle_interval, staged.observed_at'
            || ') AS differing GROUP BY source ORDER BY source'
        LOOP
            added_rows := added_rows + undone.added;
            replaced_rows := replaced_rows + undone.replaced;
            last_fetch := GREATEST(last_fetch, undone.fetched_at);
            sources := sources || ', ' || undone.source;
        END LOOP;
        IF added_rows + replaced_rows > 0 THEN
            sources := SUBSTRING(sources, 3);
            RAISE EXCEPTION 'CP-06 batch % would add % candles and replace % in markets and days that another load of % fetched later (the last at %). Clear the whole run to fetch them again, or load the window with the parameter force. To load the other sources of the batch now, trigger crypto_prices_window for the same days with the parameter sources',
                load_batch_id, added_rows, replaced_rows, sources, last_fetch;
        END IF;
    END IF;
END;
$$ LANGUAGE plpgsql
