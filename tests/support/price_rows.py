"""Rows of prices as the warehouse returns them."""


def row(hour, opened, low, high, close, symbol="BTC"):
    return {
        "source": "binance",
        "symbol": symbol,
        "quote_currency": "USDT",
        "observed_at": f"2023-12-18 {hour:02d}:00:00",
        "open_price": opened,
        "low_price": low,
        "high_price": high,
        "close_price": close,
    }
