-- backfill/find_market_sets
-- The markets that the loads of the days requested.
{% set start = params.start %}
{% set end = params.end %}
{% include 'shared/find_market_sets.jinja' %}
