-- marts/consensus_prices/delete_consensus_prices
-- The next statement writes these hours again. A full refresh deletes every row.
DELETE FROM crypto.consensus_prices
{% include 'marts/consensus_prices/touched_hours.jinja' %}
