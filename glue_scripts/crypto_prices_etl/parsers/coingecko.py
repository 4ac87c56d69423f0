"""CoinGecko prices: ``GET /api/v3/coins/{id}/market_chart/range`` returns an object of three lists of ``[ms, number]``.

https://docs.coingecko.com/reference/coins-id-market-chart-range

A record consists of the entries at the same index of each list: ``[[ms,price],[ms,market cap],[ms,volume]]``. Every
text is verbatim. The entry is ``null`` where one list is shorter than the others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as sf

from crypto_prices_etl.exact_json import array_elements, object_member
from crypto_prices_etl.parsers.base import RecordTexts, SourceParser

if TYPE_CHECKING:
    from pyspark.sql import Column

_PRICE, _MARKET_CAP = 0, 1
_TABLES = ("prices", "market_caps", "total_volumes")
_TIME, _NUMBER = 0, 1
_MINUTE_MS = 60_000


def _split_body(body: Column) -> Column:
    tables = sf.array(*(array_elements(object_member(body, name)) for name in _TABLES))
    longest = sf.array_max(sf.transform(tables, sf.size))
    places = sf.when(longest > 0, sf.sequence(sf.lit(0), longest - 1)).otherwise(sf.array().cast("array<int>"))

    def record(place: Column) -> Column:
        texts = sf.transform(tables, lambda table: sf.coalesce(sf.get(table, place), sf.lit("null")))
        return sf.concat(sf.lit("["), sf.array_join(texts, ","), sf.lit("]"))

    is_whole = sf.forall(tables, lambda table: table.isNotNull())
    return sf.when(is_whole, sf.transform(places, record))


def _split_record(record: Column) -> Column:
    return sf.transform(array_elements(record), array_elements)


def _locate_fields(fields: Column) -> RecordTexts:
    def text(table: int, place: int) -> Column:
        return sf.get(sf.get(fields, sf.lit(table)), sf.lit(place))

    same_time = text(_MARKET_CAP, _TIME).isNull() | (text(_MARKET_CAP, _TIME) == text(_PRICE, _TIME))
    return RecordTexts(
        well_formed=sf.coalesce(text(_PRICE, _NUMBER).isNotNull() & same_time, sf.lit(False)),
        open_time=text(_PRICE, _TIME),
        values={"open_price": text(_PRICE, _NUMBER), "market_cap": text(_MARKET_CAP, _NUMBER)},
        optional=frozenset({"market_cap"}),
    )


PARSER = SourceParser(
    split_body=_split_body,
    split_record=_split_record,
    locate_fields=_locate_fields,
    may_exceed_window=True,
    # CoinGecko's hourly points are seconds to minutes after the hour. A later point is not the price at its start.
    latest_in_interval_ms=15 * _MINUTE_MS,
)
