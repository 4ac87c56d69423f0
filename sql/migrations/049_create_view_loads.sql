-- The loads and removals of candles in the order of their transactions, for consumers that keep a watermark.
CREATE OR REPLACE VIEW crypto_views.loads AS
SELECT
    load_number,
    source,
    window_start,
    window_end,
    candle_interval,
    fetched_at,
    merged_at,
    visible_at,
    forced,
    rebuilt_from,
    removed_because
FROM crypto.load_log
