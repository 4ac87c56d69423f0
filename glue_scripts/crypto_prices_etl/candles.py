"""The conversion of records to typed candles, with what is needed to check and to quarantine a record.

A record becomes a text of comma-separated cells, and the cells become numbers. A record of a plain body is such a text
already. For the records of any other body, ``exact_cells`` writes it, before they become rows. So a row of a plain body
never passes through the long expressions of the exact path.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from pyspark.sql import functions as sf

from crypto_prices_etl.candle_intervals import interval_ms
from crypto_prices_etl.errors import CurationError
from crypto_prices_etl.exact_json import scalar_text, with_value
from crypto_prices_etl.exact_numbers import exact_bigint, exact_decimal, rounded_decimal
from crypto_prices_etl.plain_bodies import LAST_MS, plain_cells
from crypto_prices_etl.schemas import NUMBER_COLUMNS, BigInt, Decimal, spark_type

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from crypto_prices_etl.parsers.base import RecordTexts, SourceParser

CANDLES_ONLY = frozenset({"high_price", "low_price", "close_price"})
"""The columns that a single price never fills."""

_TIMES = ("observed_at", "close_time")


def exact_cells(parser: SourceParser) -> Callable[[Column], Column]:
    """Return the function from a record's JSON text to its cells.

    The cells are the fields in the order of ``_fields_of``, each as the text of its exact value or empty; then whether
    the record is well-formed, as "true" or "false"; and the name of the first field whose text is not exactly a value
    of its column, or empty.
    """
    fields_of_cells = _fields_of(parser)

    def cells(record: Column) -> Column:
        return with_value(parser.split_record(record), lambda fields: of_texts(parser.locate_fields(fields)))

    def of_texts(texts: RecordTexts) -> Column:
        elements = _elements(texts)
        # Each conversion is a long expression. Over an array, it is in the plan once per type, not once per field.
        by_type: dict[Decimal | BigInt | None, list[str]] = {}
        for name in elements:
            by_type.setdefault(None if name in _TIMES else NUMBER_COLUMNS[name], []).append(name)
        exact = sf.concat(
            *(
                sf.transform(sf.array(*(elements[name] for name in names)), partial(_exact, column_type, parser))
                for column_type, names in by_type.items()
            )
        )
        order = [name for names in by_type.values() for name in names]
        return with_value(exact, lambda found: line(texts, elements, found, order))

    def line(texts: RecordTexts, elements: dict[str, Column], found: Column, order: list[str]) -> Column:
        value = {name: sf.get(found, sf.lit(place)) for place, name in enumerate(order)}
        failures = []
        for name, element in elements.items():
            given = sf.coalesce(element, sf.lit("null")) != "null" if name in texts.optional else sf.lit(True)
            failures.append(sf.when(value[name].isNull() & given, sf.lit(name)))
        written = [
            *(value.get(name, sf.lit("")) for name in fields_of_cells),
            texts.well_formed.cast("string"),
            sf.coalesce(*failures),
        ]
        return sf.concat_ws(",", *(sf.coalesce(cell, sf.lit("")) for cell in written))

    return cells


def to_candles(parser: SourceParser, candle_interval: str, batch_id: str) -> Callable[[DataFrame], DataFrame]:
    """Return the transform from raw records of one source to candles.

    The result has the columns of the raw record except ``cells``, the curated columns that a record has, and these:
    ``late_ms``, the milliseconds from the start of the interval to the record's time, 0 for times on the grid;
    ``close_time_ms``; ``well_formed``; and ``unparseable``, the name of the first field whose text is not exactly a
    value of its column, or NULL.

    Args:
        parser: The parser of the source.
        candle_interval: The interval whose grid is applied to a source without candles.
        batch_id: The attempt at the batch, for the rows.

    Raises:
        CurationError: The interval does not divide a day, or the parser shows a single price as another price of a
            candle.
    """
    length_ms = interval_ms(candle_interval)
    fields = _fields_of(parser)
    places = {name: place for place, name in enumerate(fields) if name}
    invented = sorted(CANDLES_ONLY & places.keys()) if parser.latest_in_interval_ms else []
    if invented:
        raise CurationError(
            f"the parser has single prices, because latest_in_interval_ms is not 0, but fills "
            f"{', '.join(invented)}: a single price is an open_price and never the high, low or close of a candle. "
            "Correct the parser"
        )
    cells = sf.col("cells")
    # The records of plain bodies do not have these two cells: all of them are well-formed.
    well_formed, unparseable = (sf.get(cells, sf.lit(len(fields) + n)) for n in (0, 1))

    def number(name: str, spark_type: str) -> Column:
        if name not in places:
            return sf.lit(None).cast(spark_type)
        # The cast raises instead of returning NULL, so a mistake in the gate fails the job and loses no digit.
        return sf.nullif(sf.get(cells, sf.lit(places[name])), sf.lit("")).cast(spark_type)

    time_ms = number("observed_at", "bigint") * parser.time_unit_ms
    late_ms = time_ms % length_ms if parser.latest_in_interval_ms else sf.lit(0).cast("bigint")

    def transform(records: DataFrame) -> DataFrame:
        return records.withColumn("cells", plain_cells(cells)).select(
            *(name for name in records.columns if name != "cells"),
            sf.timestamp_millis(time_ms - late_ms).alias("observed_at"),
            *(number(name, spark_type(t).simpleString()).alias(name) for name, t in NUMBER_COLUMNS.items()),
            sf.lit(batch_id).alias("batch_id"),
            late_ms.alias("late_ms"),
            (number("close_time", "bigint") * parser.time_unit_ms).alias("close_time_ms"),
            (sf.coalesce(well_formed, sf.lit("true")) == "true").alias("well_formed"),
            sf.nullif(unparseable, sf.lit("")).alias("unparseable"),
        )

    return transform


def _fields_of(parser: SourceParser) -> tuple[str, ...]:
    """Return the names of a record's cells in order; "" for one that is not curated."""
    return parser.plain_fields or tuple(_elements(parser.locate_fields(sf.lit(None))))


def _elements(texts: RecordTexts) -> dict[str, Column]:
    """Return the JSON texts of all fields by name."""
    close_time = {} if texts.close_time is None else {"close_time": texts.close_time}
    return {"observed_at": texts.open_time, **texts.values, **close_time}


def _exact(column_type: Decimal | BigInt | None, parser: SourceParser, element: Column) -> Column:
    """Return the text of a JSON text's exact value, or NULL if the type, None for a time, does not have the value."""
    text = scalar_text(element)
    if column_type is None:
        time = exact_bigint(text)
        # The bound is divided instead of multiplying the time, because an invalid time could overflow.
        number = sf.when(time.between(0, LAST_MS // parser.time_unit_ms), time)
    elif isinstance(column_type, Decimal):
        number = (rounded_decimal if column_type.rounded else exact_decimal)(text, column_type)
    else:
        number = exact_bigint(text)
    return number.cast("string")
