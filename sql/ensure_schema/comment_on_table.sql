-- ensure_schema/comment_on_table
COMMENT ON TABLE crypto.{{ table.name | name }} IS {{ table.comment | literal }}
