-- Every candle of the days of markets that nobody has asked for.
INSERT INTO crypto.candle_gaps (
    source,
    symbol,
    quote_currency,
    candle_interval,
    observed_at,
    reason,
    noted_at
)
WITH {% include 'load/places.jinja' %}
unfetched (source, symbol, quote_currency, first_at, candle_total) AS (
    {% for run in unfetched %}
        {% if not loop.first %}UNION ALL{% endif %}
        SELECT
            {{ run.source | literal }},
            {{ run.symbol | literal }},
            {{ run.quote_currency | literal }},
            CAST({{ run.start | literal }} AS TIMESTAMP),
            {{ run.candles | literal }}
    {% endfor %}
)

SELECT
    unfetched.source,
    unfetched.symbol,
    unfetched.quote_currency,
    {{ settings().candle_interval | literal }} AS candle_interval,
    DATEADD(
        SECOND, CAST(places.place * {{ seconds | literal }} AS INTEGER), unfetched.first_at
    ) AS observed_at,
    'unfetched' AS reason,
    GETDATE() AS noted_at
FROM unfetched
INNER JOIN places_{{ places | literal }} AS places ON unfetched.candle_total > places.place
