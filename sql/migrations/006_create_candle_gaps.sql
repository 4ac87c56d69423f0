-- One row per candle that is missing from the fact table, with the reason: not_listed (no earlier candle of a market),
-- no_trade (the exchange omitted it), venue_down (no market of the source has it), quarantined (it broke a rule) or
-- unfetched (no load has requested it).
CREATE TABLE IF NOT EXISTS crypto.candle_gaps (
    source VARCHAR(32) NOT NULL,
    symbol VARCHAR(32) NOT NULL,
    quote_currency VARCHAR(16) NOT NULL,
    candle_interval VARCHAR(8) NOT NULL,
    observed_at TIMESTAMP NOT NULL,
    reason VARCHAR(16) NOT NULL,
    batch_id VARCHAR(128),
    noted_at TIMESTAMP NOT NULL,
    PRIMARY KEY (source, symbol, quote_currency, candle_interval, observed_at)
)
DISTSTYLE AUTO
SORTKEY (observed_at)
