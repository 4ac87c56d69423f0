-- The result of each data quality rule in a load: per source for rules on records, per market for rules on candles. A
-- load reads and writes the results of its own batch, whose name begins with the first day of its window.
CREATE TABLE IF NOT EXISTS crypto.data_quality_results (
    batch_id VARCHAR(128) NOT NULL,
    source VARCHAR(32) NOT NULL,
    market VARCHAR(64),
    rule_name VARCHAR(64) NOT NULL,
    rule_action VARCHAR(16) NOT NULL,
    threshold DOUBLE PRECISION,
    checked BIGINT NOT NULL,
    broken BIGINT NOT NULL,
    status VARCHAR(16) NOT NULL,
    assessed_at TIMESTAMP NOT NULL
)
DISTSTYLE AUTO
SORTKEY (batch_id)
