-- Each candle that the markets of the load should have in its window and crypto.fact_crypto_prices has not.
{% set sources = batch(ti).sources %}
{% set markets_file = 'load/markets.jinja' %}
{% set quarantined = report(ti).quarantined_candles %}
{% set batch_id = report(ti).batch_id %}
{% include 'load/candle_gaps.jinja' %}
