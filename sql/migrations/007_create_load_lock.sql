-- Whoever changes the fact table or its metadata locks this table first (sql/load/lock_loads.sql) and so takes turns
-- with all others, whichever DAG or person they are. It holds no rows and nobody reads it, so no reader ever waits.
CREATE TABLE IF NOT EXISTS crypto.load_lock (
    holder VARCHAR(128)
)
DISTSTYLE ALL
