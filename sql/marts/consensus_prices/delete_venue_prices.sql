-- marts/consensus_prices/delete_venue_prices
-- The next statement writes these hours again. A full refresh deletes every row.
DELETE FROM crypto.venue_prices
{% include 'marts/consensus_prices/touched_hours.jinja' %}
