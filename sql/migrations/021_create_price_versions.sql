-- The values that a load changed (closed_as changed) or a load or removal removed (closed_as removed), one row per
-- version. A version holds from the load valid_from_load until just before the load valid_to_load. Rows are only added.
-- A load that changes nothing adds none.
CREATE TABLE IF NOT EXISTS crypto.price_versions (
    source VARCHAR(32) NOT NULL,
    symbol VARCHAR(32) NOT NULL,
    quote_currency VARCHAR(16) NOT NULL,
    candle_interval VARCHAR(8) NOT NULL,
    observed_at TIMESTAMP NOT NULL,
    open_price DECIMAL(38, 18),
    high_price DECIMAL(38, 18),
    low_price DECIMAL(38, 18),
    close_price DECIMAL(38, 18),
    base_volume DECIMAL(38, 18),
    quote_volume DECIMAL(38, 18),
    trade_count BIGINT,
    market_cap DECIMAL(38, 8),
    raw_object VARCHAR(1024) NOT NULL,
    ingested_at TIMESTAMP NOT NULL,
    batch_id VARCHAR(128) NOT NULL,
    valid_from_load BIGINT NOT NULL,
    valid_to_load BIGINT NOT NULL,
    closed_as VARCHAR(8) NOT NULL
)
DISTSTYLE AUTO
SORTKEY (observed_at)
