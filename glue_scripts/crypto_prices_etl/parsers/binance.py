"""Binance klines: ``GET /api/v3/klines`` returns an array of arrays of twelve fields, with prices as strings.

https://developers.binance.com/docs/binance-spot-api-docs/rest-api/market-data-endpoints#klinecandlestick-data
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as sf

from crypto_prices_etl.exact_json import array_elements
from crypto_prices_etl.parsers.base import RecordTexts, SourceParser

if TYPE_CHECKING:
    from pyspark.sql import Column

_FIELDS = 12
_OPEN_TIME, _CLOSE_TIME = 0, 6
_POSITIONS = {
    "open_price": 1,
    "high_price": 2,
    "low_price": 3,
    "close_price": 4,
    "base_volume": 5,
    "quote_volume": 7,
    "trade_count": 8,
}


def _locate_fields(fields: Column) -> RecordTexts:
    def text(position: int) -> Column:
        return sf.get(fields, sf.lit(position))

    return RecordTexts(
        # A thirteenth field would be an addition by Binance, which does no harm. A missing field would.
        well_formed=sf.coalesce(sf.size(fields) >= _FIELDS, sf.lit(False)),
        open_time=text(_OPEN_TIME),
        close_time=text(_CLOSE_TIME),
        values={name: text(position) for name, position in _POSITIONS.items()},
        optional=frozenset({"quote_volume", "trade_count"}),
    )


PARSER = SourceParser(split_body=array_elements, split_record=array_elements, locate_fields=_locate_fields)
