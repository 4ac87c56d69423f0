-- ensure_schema/comment_on_table
COMMENT ON
{% if table.is_view %}VIEW{% else %}TABLE{% endif %}
{{ table.schema | name }}.{{ table.name | name }} IS {{ table.comment | literal }}
