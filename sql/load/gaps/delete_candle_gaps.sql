-- load/gaps/delete_candle_gaps
-- The next statement finds the missing candles of the load's markets again.
DELETE FROM crypto.candle_gaps
WHERE
    {% set sources = loaded(ti) %}{% include 'shared/scope.jinja' %}
