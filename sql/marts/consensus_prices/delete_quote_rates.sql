-- marts/consensus_prices/delete_quote_rates
-- The next statement writes these hours again. A full refresh deletes every row.
DELETE FROM crypto.quote_rates
{% include 'marts/consensus_prices/touched_hours.jinja' %}
