-- One row per asset: the base and quote currencies of all daily prices, and the assets that are not coins.
CREATE TABLE IF NOT EXISTS crypto.assets (
    asset VARCHAR(32) NOT NULL,
    kind VARCHAR(16) NOT NULL,
    PRIMARY KEY (asset)
)
DISTSTYLE ALL
