-- One row per symbol and hour in which a venue has a price: the median of the venues that count.
CREATE TABLE IF NOT EXISTS crypto.consensus_prices (
    symbol VARCHAR(32) NOT NULL,
    hour_end TIMESTAMP NOT NULL,
    price DOUBLE PRECISION,
    status VARCHAR(8) NOT NULL,
    reason VARCHAR(16),
    venues BIGINT NOT NULL,
    spread_bps DOUBLE PRECISION,
    through_load BIGINT NOT NULL,
    PRIMARY KEY (symbol, hour_end)
)
DISTSTYLE AUTO
SORTKEY (hour_end)
