-- load/gaps/insert_candle_gaps
-- Records each candle of the load's markets and window that is missing from the fact table.
{% set sources = loaded(ti) %}
{% set quarantined = report(ti).quarantined_candles %}
{% set batch_id = report(ti).batch_id %}
{% include 'load/gaps/candle_gaps.jinja' %}
