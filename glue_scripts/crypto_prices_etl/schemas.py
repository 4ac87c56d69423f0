"""The one definition of the curated columns' names and types, for Spark, the Glue Data Catalog, Terraform and Redshift.

Their comments are in ``crypto_prices_contract.data_dictionary``, together with those of the warehouse's other tables.

Everything here is plain data: importing this module needs neither Spark nor AWS. The order of ``CURATED_COLUMNS`` is
load-bearing, because Redshift's ``COPY … FORMAT AS PARQUET`` loads by position.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql.types import DataType, StructType


@dataclass(frozen=True)
class Varchar:
    """Text of at most ``max_bytes`` bytes of UTF-8 (Redshift counts bytes, not characters)."""

    max_bytes: int


@dataclass(frozen=True)
class Timestamp:
    """A UTC instant with microseconds; ``TIMESTAMP_MICROS`` in Parquet, TIMESTAMP without a zone in Redshift."""


@dataclass(frozen=True)
class Decimal:
    """A decimal number of ``precision`` digits, ``scale`` of them after the point.

    It is exact unless ``rounded``: then further decimals of the source are rounded away and not refused.
    """

    precision: int
    scale: int
    rounded: bool = False


@dataclass(frozen=True)
class BigInt:
    """A signed integer of 64 bits."""


ColumnType = Varchar | Timestamp | Decimal | BigInt


@dataclass(frozen=True)
class Column:
    """One column of the curated table.

    Attributes:
        name: The name in Parquet, in the catalog and in Redshift.
        type: The logical type, which determines the type names of each system.
        nullable: Whether a row may leave the column out. Redshift's COPY enforces NOT NULL.
    """

    name: str
    type: ColumnType
    nullable: bool


PRICE = Decimal(38, 18)

CURATED_COLUMNS: tuple[Column, ...] = (
    Column("source", Varchar(32), False),
    Column("symbol", Varchar(32), False),
    Column("quote_currency", Varchar(16), False),
    Column("candle_interval", Varchar(8), False),
    Column("observed_at", Timestamp(), False),
    Column("open_price", PRICE, True),
    Column("high_price", PRICE, True),
    Column("low_price", PRICE, True),
    Column("close_price", PRICE, True),
    Column("base_volume", PRICE, True),
    Column("quote_volume", PRICE, True),
    Column("trade_count", BigInt(), True),
    # The product of a price and an estimated supply: its digits beyond the cent are noise, and there are often many.
    Column("market_cap", Decimal(38, 8, rounded=True), True),
    Column("raw_object", Varchar(1024), False),
    Column("ingested_at", Timestamp(), False),
    Column("batch_id", Varchar(128), False),
)

KEY_COLUMNS: tuple[str, ...] = ("source", "symbol", "quote_currency", "candle_interval", "observed_at")
"""What a curated row is one of: the natural key, also of the fact table."""

NUMBER_COLUMNS: dict[str, Decimal | BigInt] = {
    c.name: c.type for c in CURATED_COLUMNS if isinstance(c.type, Decimal | BigInt)
}
"""The curated columns that come from a source's record, besides the open time."""

PARTITION_COLUMNS: tuple[Column, ...] = (
    Column("year", Varchar(4), False),
    Column("month", Varchar(2), False),
    Column("day", Varchar(2), False),
)
"""The folders under a version's prefix. Text, so that ``month=01`` stays "01" in the catalog; not in the files."""


def spark_schema() -> StructType:
    """Return the schema of the curated Parquet files, without the partition columns."""
    from pyspark.sql.types import StructField, StructType

    return StructType([StructField(c.name, spark_type(c.type), c.nullable) for c in CURATED_COLUMNS])


def catalog_columns() -> list[dict[str, str]]:
    """Return names and types of the columns for the Glue Data Catalog's ``StorageDescriptor.Columns``."""
    return [{"Name": c.name, "Type": catalog_type(c.type)} for c in CURATED_COLUMNS]


def catalog_partition_keys() -> list[dict[str, str]]:
    """Return names and types of the partition keys for the Glue Data Catalog's ``TableInput.PartitionKeys``."""
    return [{"Name": c.name, "Type": catalog_type(c.type)} for c in PARTITION_COLUMNS]


def redshift_columns() -> list[str]:
    """Return the column definitions for Redshift's CREATE TABLE, e.g. ``observed_at TIMESTAMP NOT NULL``."""
    return [f"{c.name} {redshift_type(c.type)}" + ("" if c.nullable else " NOT NULL") for c in CURATED_COLUMNS]


def catalog_type(column_type: ColumnType) -> str:
    """Return the Hive name of a type, as the Glue Data Catalog and Athena spell it."""
    match column_type:
        case Varchar():
            return "string"
        case Timestamp():
            return "timestamp"
        case Decimal(precision, scale):
            return f"decimal({precision},{scale})"
        case BigInt():
            return "bigint"


def redshift_type(column_type: ColumnType) -> str:
    """Return Redshift's name of a type."""
    match column_type:
        case Varchar(max_bytes):
            return f"VARCHAR({max_bytes})"
        case Timestamp():
            return "TIMESTAMP"
        case Decimal(precision, scale):
            return f"DECIMAL({precision},{scale})"
        case BigInt():
            return "BIGINT"


def spark_type(column_type: ColumnType) -> DataType:
    """Return Spark's type."""
    from pyspark.sql.types import DecimalType, LongType, StringType, TimestampType

    match column_type:
        case Varchar():
            return StringType()
        case Timestamp():
            return TimestampType()
        case Decimal(precision, scale):
            return DecimalType(precision, scale)
        case BigInt():
            return LongType()
