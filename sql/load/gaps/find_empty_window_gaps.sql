-- load/gaps/find_empty_window_gaps
-- The exchange has no candles in the window. Nothing is loaded, but the gaps are recorded.
{% set sources = fetched(ti) %}
{% set quarantined = [] %}
{% include 'load/gaps/changed_gaps.jinja' %}
