"""Bitstamp's candles: ``GET /api/v2/ohlc/{market}/`` returns objects in ``data.ohlc``, every number as a string.

https://www.bitstamp.net/api/ (Get OHLC data)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as sf

from crypto_prices_etl.exact_json import array_elements, object_member, object_members
from crypto_prices_etl.parsers.base import RecordTexts, SourceParser

if TYPE_CHECKING:
    from pyspark.sql import Column

_COLUMNS = {
    "open": "open_price",
    "high": "high_price",
    "low": "low_price",
    "close": "close_price",
    "volume": "base_volume",
}
_MEMBERS = ("timestamp", *_COLUMNS)


def _split_body(body: Column) -> Column:
    return array_elements(object_member(object_member(body, "data"), "ohlc"))


def _split_record(record: Column) -> Column:
    return object_members(record, _MEMBERS)


def _locate_fields(fields: Column) -> RecordTexts:
    texts = {member: sf.get(fields, sf.lit(place)) for place, member in enumerate(_MEMBERS)}
    return RecordTexts(
        well_formed=sf.coalesce(sf.forall(fields, lambda text: text.isNotNull()), sf.lit(False)),
        open_time=texts["timestamp"],
        values={column: texts[member] for member, column in _COLUMNS.items()},
    )


PARSER = SourceParser(
    split_body=_split_body,
    split_record=_split_record,
    locate_fields=_locate_fields,
    time_unit_ms=1000,
    may_exceed_window=True,
)
