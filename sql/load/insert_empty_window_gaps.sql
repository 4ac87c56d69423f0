-- The exchange was asked for the window and has no candle of it: that is known now, although nothing is loaded.
{% set sources = fetched(ti) %}
{% set markets_file = 'load/fetched_markets.jinja' %}
{% set quarantined = [] %}
{% set batch_id = none %}
{% include 'load/candle_gaps.jinja' %}
