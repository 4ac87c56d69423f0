-- One row per row of crypto.daily_prices: statistics of the days that end with it.
CREATE TABLE IF NOT EXISTS crypto.price_statistics (
    source VARCHAR(32) NOT NULL,
    symbol VARCHAR(32) NOT NULL,
    quote_currency VARCHAR(16) NOT NULL,
    price_date DATE NOT NULL,
    sma_30 DOUBLE PRECISION,
    sma_90 DOUBLE PRECISION,
    returns_30 BIGINT NOT NULL,
    returns_90 BIGINT NOT NULL,
    volatility_30 DOUBLE PRECISION,
    volatility_90 DOUBLE PRECISION,
    drawdown_365 DOUBLE PRECISION,
    through_load BIGINT NOT NULL,
    PRIMARY KEY (source, symbol, quote_currency, price_date)
)
DISTSTYLE AUTO
SORTKEY (price_date)
