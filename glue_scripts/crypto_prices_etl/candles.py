"""The conversion of records to typed candles, with what is needed to check and to quarantine a record."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from pyspark.sql import functions as sf

from crypto_prices_etl.candle_intervals import interval_ms
from crypto_prices_etl.errors import CurationError
from crypto_prices_etl.exact_json import scalar_text
from crypto_prices_etl.exact_numbers import exact_bigint, exact_decimal, rounded_decimal
from crypto_prices_etl.schemas import CURATED_COLUMNS, BigInt, ColumnType, Decimal

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from crypto_prices_etl.parsers.base import SourceParser

NUMBER_COLUMNS: dict[str, ColumnType] = {
    c.name: c.type for c in CURATED_COLUMNS if isinstance(c.type, Decimal | BigInt)
}
"""The curated columns that come from a source's record, besides the open time."""

CANDLES_ONLY = frozenset({"high_price", "low_price", "close_price"})
"""The columns that a single price never fills."""

_LAST_MS = 253_402_300_799_999  # 9999-12-31T23:59:59.999Z; timestamp_millis raises beyond the range of timestamps


def to_candles(parser: SourceParser, candle_interval: str, batch_id: str) -> Callable[[DataFrame], DataFrame]:
    """Return the transform from raw records of one source to candles.

    The result has the curated columns, the columns of the raw record, and these: ``late_ms``, the milliseconds from the
    start of the interval to the record's time, 0 for times on the grid; ``close_time_ms``; ``well_formed``; and
    ``unparseable``, the name of the first field whose text is not exactly a value of its column, or NULL.

    Args:
        parser: The parser of the source.
        candle_interval: The interval whose grid is applied to a source without candles.
        batch_id: The attempt at the batch, for the rows.

    Raises:
        CurationError: The interval does not divide a day, or the parser shows a single price as another price of a
            candle.
    """
    length_ms = interval_ms(candle_interval)

    def transform(records: DataFrame) -> DataFrame:
        located = records.withColumn("fields", parser.split_record(sf.col("record")))
        texts = parser.locate_fields(sf.col("fields"))
        invented = sorted(CANDLES_ONLY & texts.values.keys()) if parser.latest_in_interval_ms else []
        if invented:
            raise CurationError(
                f"the parser has single prices, because latest_in_interval_ms is not 0, but fills "
                f"{', '.join(invented)}: a single price is an open_price and never the high, low or close of a candle. "
                "Correct the parser"
            )
        elements = {"observed_at": texts.open_time, **texts.values}
        if texts.close_time is not None:
            elements["close_time"] = texts.close_time
        typed, numbers = _typed(located, elements)
        for time in ("observed_at", "close_time"):
            if time in numbers:
                # The bound is divided instead of multiplying the time, because an invalid time could overflow.
                in_bounds = numbers[time].between(0, _LAST_MS // parser.time_unit_ms)
                numbers[time] = sf.when(in_bounds, numbers[time] * parser.time_unit_ms)
        late_ms = numbers["observed_at"] % length_ms if parser.latest_in_interval_ms else sf.lit(0).cast("bigint")
        failures = []
        for name, number in numbers.items():
            given = sf.coalesce(elements[name], sf.lit("null")) != "null" if name in texts.optional else sf.lit(True)
            failures.append(sf.when(number.isNull() & given, sf.lit(name)))
        return typed.select(
            *records.columns,
            sf.timestamp_millis(numbers["observed_at"] - late_ms).alias("observed_at"),
            *(numbers.get(name, sf.lit(None).cast(_spark_type(t))).alias(name) for name, t in NUMBER_COLUMNS.items()),
            sf.lit(batch_id).alias("batch_id"),
            late_ms.alias("late_ms"),
            numbers.get("close_time", sf.lit(None).cast("bigint")).alias("close_time_ms"),
            texts.well_formed.alias("well_formed"),
            sf.coalesce(*failures).alias("unparseable"),
        )

    return transform


def _typed(records: DataFrame, elements: Mapping[str, Column]) -> tuple[DataFrame, dict[str, Column]]:
    """Convert JSON texts to the types of their columns, with one array of results per type.

    The conversions are long expressions. As the lambda of one array per type, each appears once in the plan. Repeated
    for each field, Spark's generated code exceeded what the JVM can compile, and the attempt took longer than the whole
    job.
    """
    by_type: dict[ColumnType, list[str]] = {}
    for name in elements:
        by_type.setdefault(NUMBER_COLUMNS.get(name, BigInt()), []).append(name)
    numbers: dict[str, Column] = {}
    for n, (column_type, names) in enumerate(by_type.items()):
        converted = sf.transform(sf.array(*(elements[name] for name in names)), _converter(column_type))
        records = records.withColumn(f"numbers_{n}", converted)
        numbers |= {name: sf.get(sf.col(f"numbers_{n}"), sf.lit(place)) for place, name in enumerate(names)}
    return records, {name: numbers[name] for name in elements}


def _converter(column_type: ColumnType) -> Callable[[Column], Column]:
    if isinstance(column_type, Decimal) and column_type.rounded:
        return lambda element: rounded_decimal(scalar_text(element), column_type)
    if isinstance(column_type, Decimal):
        return lambda element: exact_decimal(scalar_text(element), column_type)
    return lambda element: exact_bigint(scalar_text(element))


def _spark_type(column_type: ColumnType) -> str:
    return f"decimal({column_type.precision},{column_type.scale})" if isinstance(column_type, Decimal) else "bigint"
