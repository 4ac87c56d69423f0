-- load/gaps/delete_candle_gaps
-- The next statement writes these ranges again, as the load changes them.
{% set sources = loaded(ti) %}
{% include 'load/gaps/delete_old_gaps.jinja' %}
