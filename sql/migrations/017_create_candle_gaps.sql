-- One row per candle that should be in the fact table and is not, with the reason: not_listed (the market had no candle
-- before), no_trade (the exchange left it out), venue_down (no market of the source has it), quarantined (it came and
-- broke a rule), unfetched (nobody has asked for it yet).
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
