-- The shape of every run's own staging table, and of the curated Parquet files: COPY loads them by position.
CREATE TABLE IF NOT EXISTS crypto.stg_crypto_prices (
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
    batch_id VARCHAR(128) NOT NULL
)
DISTSTYLE EVEN
