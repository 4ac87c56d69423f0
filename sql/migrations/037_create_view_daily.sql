-- noqa: disable=ST06
CREATE OR REPLACE VIEW crypto_views.daily AS
SELECT
    source,
    symbol,
    quote_currency,
    price_date,
    DATEADD(DAY, 1, CAST(price_date AS TIMESTAMP)) AS closes_at,
    candle_interval,
    open_price,
    high_price,
    low_price,
    close_price,
    base_volume,
    quote_volume,
    trade_count,
    vwap,
    vwap_method,
    candles,
    expected_candles,
    traded_candles,
    is_complete,
    return_1d,
    log_return,
    through_load
FROM crypto.daily_prices
