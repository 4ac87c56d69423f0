-- Every writer of the fact table or its metadata locks this table first (sql/load/lock_loads.sql), even by hand. The
-- table stays empty and no query reads it, so the lock blocks no reader.
CREATE TABLE IF NOT EXISTS crypto.load_lock (
    holder VARCHAR(128)
)
DISTSTYLE ALL
