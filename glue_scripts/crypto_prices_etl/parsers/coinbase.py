"""Coinbase Exchange candles: ``GET /products/{product_id}/candles`` returns an array of arrays of six JSON numbers.

https://docs.cdp.coinbase.com/exchange/reference/exchangerestapi_getproductcandles
"""

from __future__ import annotations

from crypto_prices_etl.parsers.rows import parser_of_rows

PARSER = parser_of_rows(
    "observed_at",
    "low_price",
    "high_price",
    "open_price",
    "close_price",
    "base_volume",
    time_unit_ms=1000,
    may_exceed_window=True,
)
