-- One row per load and source: its window, markets and origin, and the counts of each step. A load looks for its own
-- batch, whose name begins with the first day of its window, and for the loads that reach into its window.
CREATE TABLE IF NOT EXISTS crypto.etl_metadata (
    batch_id VARCHAR(128) NOT NULL,
    source VARCHAR(32) NOT NULL,
    candle_interval VARCHAR(8) NOT NULL,
    window_start DATE NOT NULL,
    window_end DATE NOT NULL,
    market_set VARCHAR(64) NOT NULL,
    market_total BIGINT NOT NULL,
    content_hash VARCHAR(64) NOT NULL,
    raw_manifest VARCHAR(1024) NOT NULL,
    glue_job_run_id VARCHAR(255) NOT NULL,
    copy_manifest VARCHAR(1024) NOT NULL,
    dag_id VARCHAR(250) NOT NULL,
    run_id VARCHAR(250) NOT NULL,
    status VARCHAR(16) NOT NULL,
    rows_fetched BIGINT NOT NULL,
    rows_quarantined BIGINT NOT NULL,
    rows_duplicate BIGINT NOT NULL,
    rows_curated BIGINT NOT NULL,
    rows_staged BIGINT,
    rows_merged BIGINT,
    rows_in_window BIGINT,
    rows_removed BIGINT,
    rows_owned BIGINT,
    load_number BIGINT,
    fetched_at TIMESTAMP,
    loaded_at TIMESTAMP NOT NULL,
    recorded_at TIMESTAMP,
    accepted_by VARCHAR(256),
    accepted_because VARCHAR(2000),
    PRIMARY KEY (batch_id, source)
)
DISTSTYLE ALL
SORTKEY (batch_id, window_start, window_end)
