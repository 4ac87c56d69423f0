-- One row per market and UTC day with a candle that has a close.
CREATE TABLE IF NOT EXISTS crypto.daily_prices (
    source VARCHAR(32) NOT NULL,
    symbol VARCHAR(32) NOT NULL,
    quote_currency VARCHAR(16) NOT NULL,
    price_date DATE NOT NULL,
    candle_interval VARCHAR(8) NOT NULL,
    open_price DECIMAL(38, 18),
    high_price DECIMAL(38, 18),
    low_price DECIMAL(38, 18),
    close_price DECIMAL(38, 18) NOT NULL,
    close_observed_at TIMESTAMP NOT NULL,
    base_volume DECIMAL(38, 18),
    quote_volume DECIMAL(38, 18),
    trade_count BIGINT,
    vwap DOUBLE PRECISION,
    vwap_method VARCHAR(8),
    candles BIGINT NOT NULL,
    expected_candles BIGINT NOT NULL,
    traded_candles BIGINT NOT NULL,
    is_complete BOOLEAN NOT NULL,
    return_1d DOUBLE PRECISION,
    log_return DECIMAL(18, 12),
    through_load BIGINT NOT NULL,
    PRIMARY KEY (source, symbol, quote_currency, price_date)
)
DISTSTYLE AUTO
SORTKEY (price_date)
