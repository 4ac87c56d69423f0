-- Raises when staged rows are not of this attempt at the batch (a COPY that was given up may have ended after all), or
-- when they would replace other values that were fetched after them: clearing an old run must not undo a correction.
CREATE OR REPLACE PROCEDURE crypto.check_origin (
    staging_table IN VARCHAR(128),
    load_batch_id IN VARCHAR(128),
    forced IN BIGINT
)
AS $$
DECLARE
    foreign_rows BIGINT;
    newer_rows BIGINT;
BEGIN
    EXECUTE 'SELECT COUNT(*) FROM crypto.' || quote_ident(staging_table)
        || ' WHERE batch_id <> ' || quote_literal(load_batch_id) INTO foreign_rows;
    IF foreign_rows > 0 THEN
        RAISE EXCEPTION 'staging table crypto.% holds % rows that are not of batch %: refusing to load them',
            staging_table, foreign_rows, load_batch_id;
    END IF;
    EXECUTE 'SELECT COUNT(*) FROM crypto.fact_crypto_prices AS loaded INNER JOIN crypto.' || quote_ident(staging_table)
        || ' AS staged ON loaded.source = staged.source AND loaded.symbol = staged.symbol'
        || ' AND loaded.quote_currency = staged.quote_currency AND loaded.candle_interval = staged.candle_interval'
        || ' AND loaded.observed_at = staged.observed_at WHERE loaded.ingested_at > staged.ingested_at AND ('
        || 'loaded.open_price <> staged.open_price OR (loaded.open_price IS NULL) <> (staged.open_price IS NULL)'
        || ' OR loaded.high_price <> staged.high_price OR (loaded.high_price IS NULL) <> (staged.high_price IS NULL)'
        || ' OR loaded.low_price <> staged.low_price OR (loaded.low_price IS NULL) <> (staged.low_price IS NULL)'
        || ' OR loaded.close_price <> staged.close_price OR (loaded.close_price IS NULL) <> (staged.close_price IS NULL)'
        || ' OR loaded.base_volume <> staged.base_volume OR (loaded.base_volume IS NULL) <> (staged.base_volume IS NULL)'
        || ' OR loaded.quote_volume <> staged.quote_volume OR (loaded.quote_volume IS NULL) <> (staged.quote_volume IS NULL)'
        || ' OR loaded.trade_count <> staged.trade_count OR (loaded.trade_count IS NULL) <> (staged.trade_count IS NULL)'
        || ' OR loaded.market_cap <> staged.market_cap OR (loaded.market_cap IS NULL) <> (staged.market_cap IS NULL)'
        || ')' INTO newer_rows;
    IF newer_rows > 0 AND forced = 0 THEN
        RAISE EXCEPTION 'batch % would replace % candles by others that were fetched before them: refusing. Clear the whole run to fetch them again, or load the window with the param force',
            load_batch_id, newer_rows;
    END IF;
END;
$$ LANGUAGE plpgsql
