-- publish/find_market_sets from {{ window(ti).start | literal }} to {{ window(ti).end | literal }}
-- The markets that the loads of the window requested.
{% set start = window(ti).start %}
{% set end = window(ti).end %}
{% include 'shared/find_market_sets.jinja' %}
