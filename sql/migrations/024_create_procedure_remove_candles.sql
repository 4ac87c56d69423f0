-- Removes the candles of a market from from_time to before until_time, keeps them in crypto.price_versions, records
-- them in crypto.candle_gaps, and logs who removed them and why. Loads that were fetched before the removal cannot
-- bring them back (crypto.check_restored).
--
-- The caller must have acquired the load lock in an earlier statement of the transaction. GETDATE() is when the current
-- statement started, and for a statement in a procedure that can be the CALL:
-- https://docs.aws.amazon.com/redshift/latest/dg/r_GETDATE.html
-- If the CALL itself waited for the lock, merged_at would be from before the wait, and a load that was fetched during
-- the wait would bring the candles back. No other function of Redshift is known to return a later time. For the same
-- reason the procedure does not set visible_at: the next load does.
CREATE OR REPLACE PROCEDURE crypto.remove_candles (
    of_source IN VARCHAR(32),
    of_symbol IN VARCHAR(32),
    of_quote_currency IN VARCHAR(16),
    of_interval IN VARCHAR(8),
    from_time IN TIMESTAMP,
    until_time IN TIMESTAMP,
    because IN VARCHAR(2000)
)
AS $$
DECLARE
    removed BIGINT;
    number_of_load BIGINT;
    name_of_set VARCHAR(64);
    seconds INTEGER;
BEGIN
    LOCK crypto.load_lock;
    IF because IS NULL OR TRIM(because) = '' THEN
        RAISE EXCEPTION 'the removal has no reason: say why the candles are wrong';
    END IF;
    SELECT COUNT(*) INTO removed
        FROM crypto.fact_crypto_prices
        WHERE source = of_source AND symbol = of_symbol AND quote_currency = of_quote_currency
            AND candle_interval = of_interval AND observed_at >= from_time AND observed_at < until_time;
    IF removed = 0 THEN
        RAISE EXCEPTION '% %/% % has no candle from % to %: nothing was removed',
            of_source, of_symbol, of_quote_currency, of_interval, from_time, until_time;
    END IF;
    -- An interval is a number and a unit, such as 15m.
    seconds := CAST(LEFT(of_interval, LENGTH(of_interval) - 1) AS INTEGER)
        * CASE RIGHT(of_interval, 1) WHEN 's' THEN 1 WHEN 'm' THEN 60 WHEN 'h' THEN 3600 ELSE 86400 END;
    UPDATE crypto.load_counter SET last_load_number = last_load_number + 1;
    SELECT last_load_number INTO number_of_load FROM crypto.load_counter;
    name_of_set := SHA2(of_symbol || '/' || of_quote_currency, 256);
    INSERT INTO crypto.market_sets (market_set, symbol, quote_currency)
        SELECT name_of_set, of_symbol, of_quote_currency
        FROM crypto.load_counter
        WHERE NOT EXISTS (SELECT 1 FROM crypto.market_sets WHERE market_set = name_of_set);
    INSERT INTO crypto.load_log (load_number, source, batch_id, window_start, window_end, market_set, candle_interval,
        merged_at, forced, removed_by, removed_because)
        SELECT number_of_load, of_source, 'removal-' || number_of_load, CAST(MIN(observed_at) AS DATE),
            CAST(MAX(observed_at) AS DATE) + 1, name_of_set, of_interval, GETDATE(), TRUE, CURRENT_USER, because
        FROM crypto.fact_crypto_prices
        WHERE source = of_source AND symbol = of_symbol AND quote_currency = of_quote_currency
            AND candle_interval = of_interval AND observed_at >= from_time AND observed_at < until_time;
    INSERT INTO crypto.price_versions (source, symbol, quote_currency, candle_interval, observed_at,
        open_price, high_price, low_price, close_price, base_volume, quote_volume, trade_count, market_cap,
        raw_object, ingested_at, batch_id, valid_from_load, valid_to_load, closed_as)
        SELECT source, symbol, quote_currency, candle_interval, observed_at,
            open_price, high_price, low_price, close_price, base_volume, quote_volume, trade_count, market_cap,
            raw_object, ingested_at, batch_id, valid_from_load, number_of_load, 'removed'
        FROM crypto.fact_crypto_prices
        WHERE source = of_source AND symbol = of_symbol AND quote_currency = of_quote_currency
            AND candle_interval = of_interval AND observed_at >= from_time AND observed_at < until_time;
    -- The loads no longer own these rows.
    UPDATE crypto.etl_metadata
        SET rows_owned = COALESCE(etl_metadata.rows_owned, etl_metadata.rows_merged) - owned.row_total
        FROM (
            SELECT batch_id, COUNT(*) AS row_total
            FROM crypto.fact_crypto_prices
            WHERE source = of_source AND symbol = of_symbol AND quote_currency = of_quote_currency
            AND candle_interval = of_interval AND observed_at >= from_time AND observed_at < until_time
            GROUP BY batch_id
        ) AS owned
        WHERE etl_metadata.batch_id = owned.batch_id AND etl_metadata.source = of_source;
    -- One range per removed candle. Then the first of the ranges that touch each other becomes as long as all of them,
    -- and the others are deleted. AWS documents no alias for a table in DELETE … USING, but joins in a subquery of DELETE:
    -- https://docs.aws.amazon.com/redshift/latest/dg/r_DELETE.html
    -- Multiples of an INTERVAL are not documented, but DATEADD is:
    -- https://docs.aws.amazon.com/redshift/latest/dg/r_DATEADD_function.html
    INSERT INTO crypto.candle_gaps (source, symbol, quote_currency, candle_interval, starts_at, ends_at, candles,
        reason, noted_at)
        SELECT source, symbol, quote_currency, candle_interval, observed_at,
            DATEADD(SECOND, seconds, observed_at), 1, 'removed', GETDATE()
        FROM crypto.fact_crypto_prices
        WHERE source = of_source AND symbol = of_symbol AND quote_currency = of_quote_currency
            AND candle_interval = of_interval AND observed_at >= from_time AND observed_at < until_time;
    UPDATE crypto.candle_gaps
        SET ends_at = whole.ends_at, candles = whole.candles, noted_at = whole.noted_at
        FROM (
            SELECT MIN(starts_at) AS starts_at, MAX(ends_at) AS ends_at, SUM(candles) AS candles,
                MAX(noted_at) AS noted_at
            FROM (
                SELECT starts_at, ends_at, candles, noted_at,
                    SUM(is_first) OVER (ORDER BY starts_at ROWS UNBOUNDED PRECEDING) AS range_number
                FROM (
                    SELECT starts_at, ends_at, candles, noted_at,
                        CASE WHEN LAG(ends_at) OVER (ORDER BY starts_at) = starts_at THEN 0 ELSE 1 END AS is_first
                    FROM crypto.candle_gaps
                    WHERE source = of_source AND symbol = of_symbol AND quote_currency = of_quote_currency
                        AND candle_interval = of_interval AND reason = 'removed'
                        AND ends_at >= from_time AND starts_at <= DATEADD(SECOND, seconds, until_time)
                ) AS compared
            ) AS numbered
            GROUP BY range_number
        ) AS whole
        WHERE candle_gaps.source = of_source AND candle_gaps.symbol = of_symbol
            AND candle_gaps.quote_currency = of_quote_currency AND candle_gaps.candle_interval = of_interval
            AND candle_gaps.reason = 'removed' AND candle_gaps.starts_at = whole.starts_at;
    DELETE FROM crypto.candle_gaps
        WHERE source = of_source AND symbol = of_symbol AND quote_currency = of_quote_currency
            AND candle_interval = of_interval AND reason = 'removed'
            AND starts_at IN (
                SELECT joined.starts_at
                FROM crypto.candle_gaps AS joined
                INNER JOIN crypto.candle_gaps AS longer
                    ON longer.source = joined.source AND longer.symbol = joined.symbol
                    AND longer.quote_currency = joined.quote_currency
                    AND longer.candle_interval = joined.candle_interval AND longer.reason = joined.reason
                    AND longer.starts_at < joined.starts_at AND longer.ends_at >= joined.ends_at
                WHERE joined.source = of_source AND joined.symbol = of_symbol
                    AND joined.quote_currency = of_quote_currency AND joined.candle_interval = of_interval
                    AND joined.reason = 'removed'
            );
    DELETE FROM crypto.fact_crypto_prices
        WHERE source = of_source AND symbol = of_symbol AND quote_currency = of_quote_currency
            AND candle_interval = of_interval AND observed_at >= from_time AND observed_at < until_time;
    RAISE INFO 'load % removed % candles', number_of_load, removed;
END;
$$ LANGUAGE plpgsql
