-- One row per quote currency and hour in which a market with this quote currency has a price: its rate in US dollars.
CREATE TABLE IF NOT EXISTS crypto.quote_rates (
    quote_currency VARCHAR(16) NOT NULL,
    hour_end TIMESTAMP NOT NULL,
    rate DOUBLE PRECISION,
    method VARCHAR(16) NOT NULL,
    venues BIGINT NOT NULL,
    spread_bps DOUBLE PRECISION,
    through_load BIGINT NOT NULL,
    PRIMARY KEY (quote_currency, hour_end)
)
DISTSTYLE AUTO
SORTKEY (hour_end)
