-- ensure_schema/comment_on_column
COMMENT ON COLUMN {{ table.schema | name }}.{{ table.name | name }}.{{ column.name | name }} IS
{{ column.comment | literal }}
