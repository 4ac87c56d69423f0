-- receipts/find_loads
-- The loads and removals of the candle's market whose days contain it, oldest first. Also returns the load of the
-- batch, even if the log names other markets or days.
SELECT
    loads.load_number,
    loads.source,
    loads.batch_id,
    loads.window_start,
    loads.window_end,
    loads.market_set,
    loads.candle_interval,
    loads.fetched_at,
    loads.merged_at,
    loads.visible_at,
    loads.forced,
    loads.raw_manifest,
    loads.content_hash,
    loads.copy_manifest,
    loads.glue_job_run_id,
    loads.dag_id,
    loads.run_id,
    loads.dags_digest,
    loads.plugins_digest,
    loads.glue_digest,
    loads.rules,
    loads.accepted_by,
    loads.accepted_because,
    loads.rebuilt_from,
    loads.removed_by,
    loads.removed_because,
    (
        requested.market_set IS NOT NULL
        AND loads.candle_interval = {{ question.candle_interval | literal }}
        AND loads.window_start <= {{ question.day | literal }}
        AND loads.window_end > {{ question.day | literal }}
    ) AS has_market_and_day
FROM crypto.load_log AS loads
LEFT JOIN crypto.market_sets AS requested
    ON
        loads.market_set = requested.market_set
        AND requested.symbol = {{ question.symbol | literal }}
        AND requested.quote_currency = {{ question.quote_currency | literal }}
WHERE
    loads.source = {{ question.source | literal }}
    AND (
        loads.batch_id = {{ batch_id | literal }}
        OR (
            requested.market_set IS NOT NULL
            AND loads.candle_interval = {{ question.candle_interval | literal }}
            AND loads.window_start <= {{ question.day | literal }}
            AND loads.window_end > {{ question.day | literal }}
        )
    )
ORDER BY loads.load_number
