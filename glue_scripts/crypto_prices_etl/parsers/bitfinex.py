"""Bitfinex's candles: ``GET /v2/candles/…/hist`` returns an array of arrays ``[MTS,OPEN,CLOSE,HIGH,LOW,VOLUME]``.

All are JSON numbers. The close comes before the high. https://docs.bitfinex.com/reference/rest-public-candles
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as sf

from crypto_prices_etl.exact_json import array_elements
from crypto_prices_etl.parsers.base import RecordTexts, SourceParser

if TYPE_CHECKING:
    from pyspark.sql import Column

_FIELDS = 6
_OPEN_TIME = 0
_POSITIONS = {"open_price": 1, "close_price": 2, "high_price": 3, "low_price": 4, "base_volume": 5}


def _locate_fields(fields: Column) -> RecordTexts:
    def text(position: int) -> Column:
        return sf.get(fields, sf.lit(position))

    return RecordTexts(
        well_formed=sf.coalesce(sf.size(fields) >= _FIELDS, sf.lit(False)),
        open_time=text(_OPEN_TIME),
        values={name: text(position) for name, position in _POSITIONS.items()},
    )


PARSER = SourceParser(split_body=array_elements, split_record=array_elements, locate_fields=_locate_fields)
