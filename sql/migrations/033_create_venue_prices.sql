-- One row per market and hour: the close of the candle that ends then.
CREATE TABLE IF NOT EXISTS crypto.venue_prices (
    source VARCHAR(32) NOT NULL,
    symbol VARCHAR(32) NOT NULL,
    quote_currency VARCHAR(16) NOT NULL,
    hour_end TIMESTAMP NOT NULL,
    candle_interval VARCHAR(8) NOT NULL,
    price DECIMAL(38, 18) NOT NULL,
    base_volume DECIMAL(38, 18),
    usd_rate DOUBLE PRECISION,
    usd_price DOUBLE PRECISION,
    deviation_bps DOUBLE PRECISION,
    deviates BOOLEAN,
    counts BOOLEAN NOT NULL,
    is_weak BOOLEAN NOT NULL,
    left_out VARCHAR(16),
    through_load BIGINT NOT NULL,
    PRIMARY KEY (source, symbol, quote_currency, hour_end)
)
DISTSTYLE AUTO
SORTKEY (hour_end)
