-- One row per load and source, and one per removal by crypto.remove_candles, in the order of their transactions. Rows
-- are never deleted. visible_at is set once, after the transaction is known to have been committed, so it is late and
-- never early. crypto.etl_metadata has the counts of the loads that still matter; this table has what happened.
CREATE TABLE IF NOT EXISTS crypto.load_log (
    load_number BIGINT NOT NULL,
    source VARCHAR(32) NOT NULL,
    batch_id VARCHAR(128) NOT NULL,
    window_start DATE NOT NULL,
    window_end DATE NOT NULL,
    market_set VARCHAR(64) NOT NULL,
    candle_interval VARCHAR(8) NOT NULL,
    fetched_at TIMESTAMP,
    merged_at TIMESTAMP NOT NULL,
    visible_at TIMESTAMP,
    forced BOOLEAN NOT NULL,
    raw_manifest VARCHAR(1024),
    content_hash VARCHAR(64),
    copy_manifest VARCHAR(1024),
    glue_job_run_id VARCHAR(255),
    dag_id VARCHAR(250),
    run_id VARCHAR(250),
    dags_digest VARCHAR(64),
    plugins_digest VARCHAR(64),
    glue_digest VARCHAR(64),
    rules VARCHAR(4096),
    accepted_by VARCHAR(256),
    accepted_because VARCHAR(2000),
    rebuilt_from VARCHAR(16),
    removed_by VARCHAR(256),
    removed_because VARCHAR(2000),
    PRIMARY KEY (load_number, source)
)
DISTSTYLE ALL
SORTKEY (load_number)
