-- One row per source that the platform knows, whether or not the settings use it.
CREATE TABLE IF NOT EXISTS crypto.sources (
    source VARCHAR(32) NOT NULL,
    kind VARCHAR(16) NOT NULL,
    PRIMARY KEY (source)
)
DISTSTYLE ALL
