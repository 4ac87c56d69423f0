-- load/replace/delete_superseded
-- Deletes rows of the requested markets only. Reloading a few markets must not remove the others.
DELETE FROM crypto.fact_crypto_prices
WHERE
    {% include 'load/replace/superseded_rows.jinja' %}
