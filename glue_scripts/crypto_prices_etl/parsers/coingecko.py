"""CoinGecko prices: ``GET /api/v3/coins/{id}/market_chart/range`` returns an object of three lists of ``[ms, number]``.

https://docs.coingecko.com/reference/coins-id-market-chart-range

A record is a price with the market caps and the volumes of the same time,
``[[ms,price],[[ms,cap],…],[[ms,volume],…]]``. Every text is verbatim. The lists are joined by the time of each entry
and not by its place, because a list may lack entries. A price without a market cap has an empty list of caps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as sf

from crypto_prices_etl.exact_json import array_elements, object_member, with_value
from crypto_prices_etl.parsers.base import RecordTexts, SourceParser

if TYPE_CHECKING:
    from pyspark.sql import Column

_PRICES, _OTHERS = "prices", ("market_caps", "total_volumes")
_PRICE, _MARKET_CAPS = 0, 1
_TIME, _NUMBER = 0, 1
_MINUTE_MS = 60_000


def _split_body(body: Column) -> Column:
    prices, *others = (array_elements(object_member(body, name)) for name in (_PRICES, *_OTHERS))
    is_whole = prices.isNotNull()
    for other in others:
        is_whole = is_whole & other.isNotNull()
    tables = sf.struct(*(_timed(table).alias(f"table_{n}") for n, table in enumerate((prices, *others))))
    records = with_value(
        tables,
        lambda table: sf.transform(
            table.table_0,
            lambda price: _record(price, [table[f"table_{n}"] for n in range(1, 1 + len(others))]),
        ),
    )
    return sf.when(is_whole, records)


def _timed(entries: Column) -> Column:
    return sf.transform(
        entries,
        lambda entry: sf.struct(sf.get(array_elements(entry), sf.lit(_TIME)).alias("time"), entry.alias("text")),
    )


def _record(price: Column, others: list[Column]) -> Column:
    texts = [price.text]
    for other in others:
        of_time = sf.filter(other, lambda entry: entry.time == price.time)
        listed = sf.array_join(sf.array_distinct(sf.transform(of_time, lambda entry: entry.text)), ",")
        texts.append(sf.concat(sf.lit("["), listed, sf.lit("]")))
    return sf.concat(sf.lit("["), sf.concat_ws(",", *texts), sf.lit("]"))


def _split_record(record: Column) -> Column:
    """Return the price's elements, and the numbers of the market caps."""

    def split(texts: Column) -> Column:
        caps = array_elements(sf.get(texts, sf.lit(_MARKET_CAPS)))
        numbers = sf.transform(caps, lambda cap: sf.get(array_elements(cap), sf.lit(_NUMBER)))
        return sf.array(array_elements(sf.get(texts, sf.lit(_PRICE))), numbers)

    return with_value(array_elements(record), split)


def _locate_fields(fields: Column) -> RecordTexts:
    price, caps = sf.get(fields, sf.lit(_PRICE)), sf.get(fields, sf.lit(_MARKET_CAPS))
    number = sf.get(price, sf.lit(_NUMBER))
    # Several market caps of one time contradict each other.
    return RecordTexts(
        well_formed=sf.coalesce(number.isNotNull() & (sf.size(caps) <= 1), sf.lit(False)),
        open_time=sf.get(price, sf.lit(_TIME)),
        values={"open_price": number, "market_cap": sf.get(caps, sf.lit(0))},
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
