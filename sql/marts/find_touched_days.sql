-- marts/find_touched_days
-- The days of each source that the new loads have changed, or all days in a full refresh. The temporary table ends with
-- the batch's session.
CREATE TEMP TABLE touched_days AS
{% if refresh(ti).full %}
    SELECT DISTINCT
        source,
        CAST(observed_at AS DATE) AS price_date
    FROM crypto.fact_crypto_prices
{% else %}
    WITH {% set digits = 4 %}{% include 'shared/whole_numbers.jinja' %}

    loads AS (
        SELECT
            source,
            window_start,
            window_end
        FROM crypto.load_log
        WHERE
            load_number > {{ refresh(ti).after_load | literal }}
            AND load_number <= {{ refresh(ti).through_load | literal }}
    )

    SELECT DISTINCT
        loads.source,
        CAST(DATEADD(DAY, places.place, loads.window_start) AS DATE) AS price_date
    FROM loads
    INNER JOIN places ON places.place < DATEDIFF(DAY, loads.window_start, loads.window_end)
{% endif %}
