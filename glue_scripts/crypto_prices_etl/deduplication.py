"""The deduplication to one candle per key. Of equal copies one stays; copies that differ are all rejected."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from crypto_prices_contract.row_rules import CONFLICTING_DUPLICATE
from pyspark.sql import Window
from pyspark.sql import functions as sf

from crypto_prices_etl.day_columns import day_number, partition_columns
from crypto_prices_etl.partitions import day_partitions
from crypto_prices_etl.schemas import NUMBER_COLUMNS, PARTITION_COLUMNS

if TYPE_CHECKING:
    from crypto_prices_contract.window import Window as LoadWindow
    from pyspark.sql import DataFrame

    from crypto_prices_etl.raw_records import RawObjects

CURATED = "curated"
DUPLICATE = "duplicate"

_PARTS = tuple(c.name for c in PARTITION_COLUMNS)

KEY_ORDER = (*_PARTS, "market_number", "observed_at")
"""The order of the partition columns and the natural key."""


def with_outcome(raw_objects: RawObjects, window: LoadWindow) -> Callable[[DataFrame], DataFrame]:
    """Return the transform that adds the ``outcome`` of each candle: "curated", "duplicate" or why it is rejected.

    Of equal copies, the one with the lowest raw object and position stays, so a repeated run gives the same rows.
    Rejected candles do not conflict with others and do not replace them.

    This step also adds the partition columns and the names of market and raw object, and partitions the rows by day.
    That is the job's only shuffle, and its window the only sort. Both also serve the writing of the files.

    Args:
        raw_objects: The raw objects of the run.
        window: The requested days.
    """
    days = window.days()
    # As one value from here to the outcome: Spark copies its bytes, but takes each decimal column apart in every step.
    numbers = sf.struct(*NUMBER_COLUMNS)
    # The day is a function of the key. In the window's partitioning it changes no result, but shows Spark that rows
    # partitioned by day are grouped by key. Its place at the end keeps the order of the files.
    copies = Window.partitionBy(*KEY_ORDER, "valid", "day_number").orderBy("object_number", "record_position")
    everywhere = copies.rowsBetween(Window.unboundedPreceding, Window.unboundedFollowing)
    agree = sf.min("numbers").over(everywhere).eqNullSafe(sf.max("numbers").over(everywhere))
    outcome = sf.coalesce(
        sf.col("reason"),
        sf.when(~agree, sf.lit(CONFLICTING_DUPLICATE)),
        sf.when(sf.row_number().over(copies) > 1, sf.lit(DUPLICATE)),
        sf.lit(CURATED),
    )

    def transform(candles: DataFrame) -> DataFrame:
        return (
            candles.withColumns({"valid": sf.col("reason").isNull(), "day_number": day_number()})
            .withColumns(partition_columns(days))
            .withColumn("numbers", numbers)
            .drop(*NUMBER_COLUMNS)
            .repartition(day_partitions(raw_objects.records, len(days)), "day_number")
            .withColumn("outcome", outcome)
            .withColumns({**raw_objects.names(), **{name: sf.col("numbers")[name] for name in NUMBER_COLUMNS}})
            .drop("valid", "reason", "numbers")
        )

    return transform
