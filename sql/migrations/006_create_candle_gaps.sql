-- One row per range of consecutive candles of a market that are missing from the fact table for the same reason:
-- not_listed (no candle of the market in the month before), no_trade (the exchange omitted it), empty_response (its
-- request had an empty response twice), empty_day (no candle of the market on the whole day), venue_down (no market of
-- the source has it), quarantined (it broke a rule) or removed (a user removed it with crypto.remove_candles, and no
-- load has brought it back). Ranges of a market do not overlap, and ranges with the same reason do not touch. So the
-- years before a listing are one row. A load changes the ranges that end after the start of its window and start before
-- or soon after its end. A removal adds ranges and joins those that they touch.
CREATE TABLE IF NOT EXISTS crypto.candle_gaps (
    source VARCHAR(32) NOT NULL,
    symbol VARCHAR(32) NOT NULL,
    quote_currency VARCHAR(16) NOT NULL,
    candle_interval VARCHAR(8) NOT NULL,
    starts_at TIMESTAMP NOT NULL,
    ends_at TIMESTAMP NOT NULL,
    candles BIGINT NOT NULL,
    reason VARCHAR(16) NOT NULL,
    noted_at TIMESTAMP NOT NULL,
    PRIMARY KEY (source, symbol, quote_currency, candle_interval, starts_at)
)
DISTSTYLE AUTO
SORTKEY (ends_at, starts_at)
