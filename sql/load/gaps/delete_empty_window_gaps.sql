-- load/gaps/delete_empty_window_gaps
-- The next statement finds the missing candles of the fetched markets again.
DELETE FROM crypto.candle_gaps
WHERE
    {% set sources = fetched(ti) %}{% include 'shared/scope.jinja' %}
