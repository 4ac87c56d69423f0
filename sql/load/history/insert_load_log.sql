-- load/history/insert_load_log
-- The order and the origin of this load. The row is never deleted. etl_metadata has the counts, as long as they matter.
INSERT INTO crypto.load_log (
    load_number,
    source,
    batch_id,
    window_start,
    window_end,
    market_set,
    candle_interval,
    fetched_at,
    merged_at,
    forced,
    raw_manifest,
    content_hash,
    copy_manifest,
    glue_job_run_id,
    dag_id,
    run_id,
    dags_digest,
    plugins_digest,
    glue_digest,
    rules
)
SELECT
    load_counter.last_load_number AS load_number,
    own.source,
    own.batch_id,
    own.window_start,
    own.window_end,
    own.market_set,
    own.candle_interval,
    own.fetched_at,
    own.loaded_at,
    CAST({{ (1 if params.force else 0) | literal }} AS BOOLEAN) AS forced,
    own.raw_manifest,
    own.content_hash,
    own.copy_manifest,
    own.glue_job_run_id,
    own.dag_id,
    own.run_id,
    {{ dags_digest(dag) | literal }} AS dags_digest,
    {{ plugins_digest() | literal }} AS plugins_digest,
    {{ report(ti).code_digest | literal }} AS glue_digest,
    {{ rules_in_force(settings()) | literal }} AS rules
FROM crypto.etl_metadata AS own
CROSS JOIN crypto.load_counter
WHERE own.batch_id = {{ report(ti).batch_id | literal }}
