-- The lists of markets that loads requested, one row per set and market. A set is named after its content, so it never
-- changes, and all loads of the same markets share it. Loads name it in crypto.etl_metadata. A list in the statements
-- would exceed the Data API's limit for a statement.
CREATE TABLE IF NOT EXISTS crypto.market_sets (
    market_set VARCHAR(64) NOT NULL,
    symbol VARCHAR(32) NOT NULL,
    quote_currency VARCHAR(16) NOT NULL,
    PRIMARY KEY (market_set, symbol, quote_currency)
)
DISTSTYLE ALL
SORTKEY (market_set)
