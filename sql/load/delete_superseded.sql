-- Only the markets that were asked for are touched: loading a few symbols again must not remove the others.
DELETE FROM crypto.fact_crypto_prices
WHERE
    {% include 'load/superseded_rows.jinja' %}
