-- One row per batch and source: what was loaded from where, and what each step counted.
CREATE TABLE IF NOT EXISTS crypto.etl_metadata (
    batch_id VARCHAR(128) NOT NULL,
    source VARCHAR(32) NOT NULL,
    candle_interval VARCHAR(8) NOT NULL,
    window_start DATE NOT NULL,
    window_end DATE NOT NULL,
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
    loaded_at TIMESTAMP NOT NULL,
    recorded_at TIMESTAMP,
    PRIMARY KEY (batch_id, source)
)
DISTSTYLE ALL
