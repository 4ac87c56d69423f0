-- Every refresh of the marts locks this table first (sql/marts/lock_marts.sql). Loads do not, so a refresh and a load
-- never wait for each other. The table stays empty and no query reads it, so the lock blocks no reader.
CREATE TABLE IF NOT EXISTS crypto.mart_lock (
    holder VARCHAR(128)
)
DISTSTYLE ALL
