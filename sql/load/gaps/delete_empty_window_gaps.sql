-- load/gaps/delete_empty_window_gaps
-- The next statement writes these ranges again, as the empty window changes them.
{% set sources = fetched(ti) %}
{% include 'load/gaps/delete_old_gaps.jinja' %}
