-- audit/insert_checks
INSERT INTO crypto.restatement_checks (
    run_id,
    audited_at,
    source,
    symbol,
    quote_currency,
    candle_interval,
    observed_on,
    status,
    candles_compared,
    candles_changed,
    candles_added,
    candles_vanished,
    detail,
    checked_at
) VALUES
{%- for check in checks %}
    (
        {{ run_id | literal }},
        {{ audited_at | literal }},
        {{ check.place.source | literal }},
        {{ check.place.symbol | literal }},
        {{ check.place.quote_currency | literal }},
        {{ settings().candle_interval | literal }},
        {{ check.place.day | literal }},
        {{ check.status | literal }},
        {{ check.comparison.compared | literal }},
        {{ check.comparison.changed | literal }},
        {{ check.comparison.added | literal }},
        {{ check.comparison.vanished | literal }},
        {{ check.detail | literal }},
        GETDATE()
    ){% if not loop.last %},{% endif %}
{%- endfor %}
