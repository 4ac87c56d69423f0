-- marts/consensus_prices/insert_venue_prices
-- Each venue's price and its distance from the consensus.
{% from 'marts/limits.jinja' import most_bps %}
INSERT INTO crypto.venue_prices (
    source,
    symbol,
    quote_currency,
    hour_end,
    candle_interval,
    price,
    base_volume,
    usd_rate,
    usd_price,
    deviation_bps,
    deviates,
    counts,
    is_weak,
    left_out,
    through_load
)
WITH compared AS (
    SELECT
        converted.source,
        converted.symbol,
        converted.quote_currency,
        converted.hour_end,
        converted.candle_interval,
        converted.close_price,
        converted.base_volume,
        converted.usd_rate,
        converted.usd_price,
        converted.is_weak,
        converted.left_out,
        (converted.usd_price / consensus.price - 1) * 10000 AS deviation_bps
    FROM converted_prices AS converted
    INNER JOIN crypto.consensus_prices AS consensus
        ON
            converted.symbol = consensus.symbol
            AND converted.hour_end = consensus.hour_end
    WHERE
        consensus.hour_end > {{ refresh(ti).first_day | literal }}
        AND consensus.hour_end <= {{ refresh(ti).end_day | literal }}
)

SELECT
    source,
    symbol,
    quote_currency,
    hour_end,
    candle_interval,
    close_price,
    base_volume,
    usd_rate,
    usd_price,
    deviation_bps,
    ABS(deviation_bps) > {{ most_bps | literal }} AS deviates,
    left_out IS NULL AS counts,
    is_weak,
    left_out,
    {{ refresh(ti).through_load | literal }} AS through_load
FROM compared
