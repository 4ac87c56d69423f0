-- marts/price_statistics/delete_price_statistics
-- The next statement writes these days again. A full refresh deletes every row.
DELETE FROM crypto.price_statistics
{% if not refresh(ti).full %}
    USING touched_spans
    WHERE
        price_statistics.price_date >= {{ refresh(ti).first_day | literal }}
        AND price_statistics.price_date < DATEADD(DAY, 365, CAST({{ refresh(ti).end_day | literal }} AS DATE))
        AND price_statistics.source = touched_spans.source
        AND price_statistics.price_date >= touched_spans.first_day
        AND price_statistics.price_date < touched_spans.end_day
{% endif %}
