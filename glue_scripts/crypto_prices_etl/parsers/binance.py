"""Binance klines: ``GET /api/v3/klines`` returns an array of arrays of twelve fields, with prices as strings.

https://developers.binance.com/docs/binance-spot-api-docs/rest-api/market-data-endpoints#klinecandlestick-data
"""

from __future__ import annotations

from crypto_prices_etl.parsers.rows import parser_of_rows

PARSER = parser_of_rows(
    "observed_at",
    "open_price",
    "high_price",
    "low_price",
    "close_price",
    "base_volume",
    "close_time",
    "quote_volume",
    "trade_count",
    *("", "", ""),  # what takers bought, in base and in quote, and an unused field
    optional=("quote_volume", "trade_count"),
)
