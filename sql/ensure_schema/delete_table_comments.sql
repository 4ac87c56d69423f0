-- ensure_schema/delete_table_comments
-- A table's comments have one row, which describes the comments applied last.
DELETE FROM crypto.schema_migrations
WHERE
    version = {{ comments.version | literal }}
    AND name = {{ comments.name | literal }}
