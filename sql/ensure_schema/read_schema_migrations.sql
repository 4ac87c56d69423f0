-- ensure_schema/read_schema_migrations
SELECT
    version,
    name,
    checksum
FROM crypto.schema_migrations
ORDER BY version, name
