"""Bitfinex's candles: ``GET /v2/candles/…/hist`` returns an array of arrays of six JSON numbers.

The close comes before the high. https://docs.bitfinex.com/reference/rest-public-candles
"""

from __future__ import annotations

from crypto_prices_etl.parsers.rows import parser_of_rows

PARSER = parser_of_rows("observed_at", "open_price", "close_price", "high_price", "low_price", "base_volume")
