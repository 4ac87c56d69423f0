"""Coinbase Exchange candles: ``GET /products/{product_id}/candles`` returns an array of arrays of six JSON numbers.

https://docs.cdp.coinbase.com/exchange/reference/exchangerestapi_getproductcandles
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as sf

from crypto_prices_etl.exact_json import array_elements
from crypto_prices_etl.parsers.base import RecordTexts, SourceParser

if TYPE_CHECKING:
    from pyspark.sql import Column

_FIELDS = ("observed_at", "low_price", "high_price", "open_price", "close_price", "base_volume")


def _locate_fields(fields: Column) -> RecordTexts:
    open_time, *others = (sf.get(fields, sf.lit(place)) for place in range(len(_FIELDS)))
    return RecordTexts(
        well_formed=sf.coalesce(sf.size(fields) >= len(_FIELDS), sf.lit(False)),
        open_time=open_time,
        values=dict(zip(_FIELDS[1:], others, strict=True)),
    )


PARSER = SourceParser(
    split_body=array_elements,
    split_record=array_elements,
    locate_fields=_locate_fields,
    plain_fields=_FIELDS,
    time_unit_ms=1000,
    may_exceed_window=True,
)
