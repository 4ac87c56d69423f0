-- marts/dimensions/insert_sources
INSERT INTO crypto.sources (source, kind) VALUES
{%- for source, kind in source_kinds().items() %}
    ({{ source | literal }}, {{ kind | literal }}){% if not loop.last %},{% endif %}
{%- endfor %}
