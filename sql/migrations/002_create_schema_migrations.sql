CREATE TABLE IF NOT EXISTS crypto.schema_migrations (
    version INTEGER NOT NULL,
    name VARCHAR(128) NOT NULL,
    checksum VARCHAR(64) NOT NULL,
    applied_at TIMESTAMP NOT NULL,
    PRIMARY KEY (version, name)
)
DISTSTYLE ALL
