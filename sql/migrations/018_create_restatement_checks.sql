-- One row per audit and day of a market that the audit fetched again and compared with the fact table.
CREATE TABLE IF NOT EXISTS crypto.restatement_checks (
    run_id VARCHAR(250) NOT NULL,
    audited_at TIMESTAMP NOT NULL,
    source VARCHAR(32) NOT NULL,
    symbol VARCHAR(32) NOT NULL,
    quote_currency VARCHAR(16) NOT NULL,
    candle_interval VARCHAR(8) NOT NULL,
    observed_on DATE NOT NULL,
    status VARCHAR(16) NOT NULL,
    candles_compared BIGINT NOT NULL,
    candles_changed BIGINT NOT NULL,
    candles_added BIGINT NOT NULL,
    candles_vanished BIGINT NOT NULL,
    detail VARCHAR(1000),
    checked_at TIMESTAMP NOT NULL,
    PRIMARY KEY (run_id, source, symbol, quote_currency, candle_interval, observed_on)
)
DISTSTYLE AUTO
SORTKEY (audited_at)
