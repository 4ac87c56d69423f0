-- What was missing before is looked at anew.
DELETE FROM crypto.candle_gaps
WHERE
    {% set sources = batch(ti).sources %}{% include 'load/scope.jinja' %}
