-- ensure_schema/find_schema_migrations
-- Whether the table of applied migrations exists. A new warehouse does not have it.
SELECT COUNT(*) AS table_total
FROM information_schema.tables
WHERE
    table_schema = 'crypto'
    AND table_name = 'schema_migrations'
