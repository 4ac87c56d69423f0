"""The deduplication to one candle per key. Of equal copies one stays; copies that differ are all rejected."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crypto_prices_contract.row_rules import CONFLICTING_DUPLICATE
from pyspark.sql import Window
from pyspark.sql import functions as sf

from crypto_prices_etl.candles import NUMBER_COLUMNS
from crypto_prices_etl.schemas import KEY_COLUMNS, PARTITION_COLUMNS

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

CURATED = "curated"
DUPLICATE = "duplicate"

_PARTS = tuple(c.name for c in PARTITION_COLUMNS)


def with_outcome(candles: DataFrame) -> DataFrame:
    """Add the ``outcome`` of each candle: "curated", "duplicate" or the reason for its quarantine.

    Of equal copies, the one with the lowest raw object and position stays, so a repeated run gives the same rows.
    Rejected candles do not conflict with others and do not replace them. This step also adds the partition columns
    year, month and day, and partitions the rows by day. That is the job's only shuffle. It serves this step and the
    writing of the files.
    """
    # The day is a function of the key. Adding it to the window's partitioning does not change the result, but shows
    # Spark that rows partitioned by day are already grouped by key.
    spread = candles.select(
        "*",
        sf.date_format("observed_at", "yyyy").alias("year"),
        sf.date_format("observed_at", "MM").alias("month"),
        sf.date_format("observed_at", "dd").alias("day"),
        sf.col("reason").isNull().alias("valid"),
    ).repartition(*_PARTS)
    copies = Window.partitionBy(*_PARTS, *KEY_COLUMNS, "valid").orderBy("raw_object", "record_position")
    everywhere = copies.rowsBetween(Window.unboundedPreceding, Window.unboundedFollowing)
    content = sf.struct(*NUMBER_COLUMNS)
    agree = sf.min(content).over(everywhere).eqNullSafe(sf.max(content).over(everywhere))
    return spread.select(
        "*",
        sf.coalesce(
            sf.col("reason"),
            sf.when(~agree, sf.lit(CONFLICTING_DUPLICATE)),
            sf.when(sf.row_number().over(copies) > 1, sf.lit(DUPLICATE)),
            sf.lit(CURATED),
        ).alias("outcome"),
    ).drop("valid", "reason")
