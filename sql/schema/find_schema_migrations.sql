-- Whether the table of the applied migrations is there; a new warehouse has none.
SELECT COUNT(*) AS table_total
FROM information_schema.tables
WHERE
    table_schema = 'crypto'
    AND table_name = 'schema_migrations'
