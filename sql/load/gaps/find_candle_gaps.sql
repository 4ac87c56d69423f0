-- load/gaps/find_candle_gaps
-- Finds the candles of the load's markets that are missing in its window.
{% set sources = loaded(ti) %}
{% set quarantined = report(ti).quarantined_candles %}
{% include 'load/gaps/changed_gaps.jinja' %}
