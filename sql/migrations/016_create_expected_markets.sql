-- The markets of the settings, and the days on which their exchange used these names. Each run adds its markets, and an
-- audit deletes those that the settings no longer have. Without this table, the warehouse would not know a market
-- before its first load.
CREATE TABLE IF NOT EXISTS crypto.expected_markets (
    source VARCHAR(32) NOT NULL,
    symbol VARCHAR(32) NOT NULL,
    quote_currency VARCHAR(16) NOT NULL,
    candle_interval VARCHAR(8) NOT NULL,
    used_from DATE,
    used_until DATE,
    noted_at TIMESTAMP NOT NULL
)
DISTSTYLE ALL
