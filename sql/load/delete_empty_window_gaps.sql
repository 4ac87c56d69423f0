-- What was missing before is looked at anew.
DELETE FROM crypto.candle_gaps
WHERE
    {% set sources = fetched(ti) %}{% include 'load/scope.jinja' %}
