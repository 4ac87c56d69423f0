-- marts/daily_prices/delete_daily_prices
-- The next statement writes these days again. A full refresh deletes every row.
DELETE FROM crypto.daily_prices
{% if not refresh(ti).full %}
    USING touched_days
    WHERE
        daily_prices.price_date >= {{ refresh(ti).first_day | literal }}
        AND daily_prices.price_date < {{ refresh(ti).end_day | literal }}
        AND daily_prices.source = touched_days.source
        AND daily_prices.price_date = touched_days.price_date
{% endif %}
