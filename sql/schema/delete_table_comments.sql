-- schema/delete_table_comments
-- The comments on a table have one row, that of the comments applied last.
DELETE FROM crypto.schema_migrations
WHERE
    version = {{ comments.version | literal }}
    AND name = {{ comments.name | literal }}
