-- records/find_removed_candles from {{ window_start | literal }} to {{ window_end | literal }}
-- The opening times of the first and the last candle that a removal removed. The range on the sort key limits the scan.
SELECT
    MIN(observed_at) AS first_at,
    MAX(observed_at) AS last_at,
    COUNT(*) AS candles
FROM crypto.price_versions
WHERE
    observed_at >= {{ window_start | literal }}
    AND observed_at < {{ window_end | literal }}
    AND valid_to_load = {{ load_number | literal }}
