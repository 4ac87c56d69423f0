-- schema/find_schema_migrations
-- Whether the table of the applied migrations exists. A new warehouse has none.
SELECT COUNT(*) AS table_total
FROM information_schema.tables
WHERE
    table_schema = 'crypto'
    AND table_name = 'schema_migrations'
