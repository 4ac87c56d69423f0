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

_FIELDS = (
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
)
_TIMES = ("observed_at", "close_time")


def _locate_fields(fields: Column) -> RecordTexts:
    texts = {name: sf.get(fields, sf.lit(place)) for place, name in enumerate(_FIELDS) if name}
    return RecordTexts(
        # A thirteenth field would be an addition by Binance, which does no harm. A missing field would.
        well_formed=sf.coalesce(sf.size(fields) >= len(_FIELDS), sf.lit(False)),
        open_time=texts["observed_at"],
        close_time=texts["close_time"],
        values={name: text for name, text in texts.items() if name not in _TIMES},
        optional=frozenset({"quote_volume", "trade_count"}),
    )


PARSER = SourceParser(
    split_body=array_elements, split_record=array_elements, locate_fields=_locate_fields, plain_fields=_FIELDS
)
