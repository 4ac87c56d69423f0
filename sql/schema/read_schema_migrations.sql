-- schema/read_schema_migrations
SELECT
    version,
    checksum
FROM crypto.schema_migrations
ORDER BY version
