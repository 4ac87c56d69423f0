-- marts/daily_prices/update_returns
-- The logarithm is rounded, so that sums of it are exact.
UPDATE crypto.daily_prices
SET
    return_1d = day_ratios.price_ratio - 1,
    log_return = CAST(ROUND(LN(day_ratios.price_ratio), 12) AS DECIMAL(18, 12)),
    through_load = {{ refresh(ti).through_load | literal }}
FROM day_ratios
WHERE
    daily_prices.price_date >= {{ refresh(ti).first_day | literal }}
    AND daily_prices.price_date <= {{ refresh(ti).end_day | literal }}
    AND daily_prices.source = day_ratios.source
    AND daily_prices.symbol = day_ratios.symbol
    AND daily_prices.quote_currency = day_ratios.quote_currency
    AND daily_prices.price_date = day_ratios.price_date
