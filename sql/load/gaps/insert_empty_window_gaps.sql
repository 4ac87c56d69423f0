-- load/gaps/insert_empty_window_gaps
-- The exchange has no candles in the window. Nothing is loaded, but the gaps are recorded.
{% set sources = fetched(ti) %}
{% set quarantined = [] %}
{% set batch_id = none %}
{% include 'load/gaps/candle_gaps.jinja' %}
