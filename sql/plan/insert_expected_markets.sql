-- plan/insert_expected_markets
INSERT INTO crypto.expected_markets (
    source,
    symbol,
    quote_currency,
    candle_interval,
    used_from,
    used_until,
    noted_at
) VALUES
{%- for market in expected %}
    (
        {{ market.source | literal }},
        {{ market.symbol | literal }},
        {{ market.quote_currency | literal }},
        {{ market.candle_interval | literal }},
        {{ market.used_from | literal }},
        {{ market.used_until | literal }},
        GETDATE()
    ){% if not loop.last %},{% endif %}
{%- endfor %}
