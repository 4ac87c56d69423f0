"""The carry-over of markets: a run replaces the requested markets and keeps all others of a day's current version.

A partition has one location, so a published version must have the whole day. The other markets' rows are copied into it
as separate files. The COPY manifest does not list these, because the warehouse already has the rows.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from crypto_prices_contract.markets import market_key, origins_from_text
from crypto_prices_contract.s3_keys import partition_values
from pyspark.sql import Observation
from pyspark.sql import functions as sf

from crypto_prices_etl.day_columns import days_counted, partition_columns, rows_by_day
from crypto_prices_etl.schemas import CURATED_COLUMNS, KEY_COLUMNS, PARTITION_COLUMNS, spark_schema

if TYPE_CHECKING:
    from crypto_prices_contract.raw_manifest import RawManifest
    from mypy_boto3_glue import GlueClient
    from pyspark.sql import SparkSession

    from crypto_prices_etl.arguments import CurationArguments
    from crypto_prices_etl.lake_files import RunPaths

_PARTS = tuple(c.name for c in PARTITION_COLUMNS)


@dataclass(frozen=True)
class PublishedDay:
    """One day in the catalog.

    Attributes:
        location: S3 URI of the partition.
        markets: The markets in it, ``source/candle_interval/symbol/quote_currency``, each with its origin: the Glue run
            that curated it. None if the partition does not have them.
    """

    location: str
    markets: Mapping[str, str] | None


@dataclass(frozen=True)
class CarriedOver:
    """The result of a run's carry-over from previous versions.

    Attributes:
        rows_by_day: Number of copied rows by day, for days with rows.
        markets_by_day: The markets that each day keeps, with or without rows, and their origins.
    """

    rows_by_day: Mapping[dt.date, int] = field(default_factory=dict)
    markets_by_day: Mapping[dt.date, Mapping[str, str]] = field(default_factory=dict)


def asked_markets(manifests: Iterable[RawManifest]) -> frozenset[str]:
    """Return the markets that a run replaces, with or without candles."""
    return frozenset(
        market_key(manifest.source, manifest.candle_interval, market.name)
        for manifest in manifests
        for market in manifest.markets
    )


def published_days(glue: GlueClient, arguments: CurationArguments) -> dict[dt.date, PublishedDay]:
    """Return the window's days that the catalog has."""
    days = arguments.window.days()
    found: dict[dt.date, PublishedDay] = {}
    at_once = 1000  # the limit of BatchGetPartition
    for first in range(0, len(days), at_once):
        wanted = [{"Values": partition_values(day)} for day in days[first : first + at_once]]
        while wanted:
            answer = glue.batch_get_partition(
                DatabaseName=arguments.catalog_database,
                TableName=arguments.catalog_table,
                PartitionsToGet=wanted,  # type: ignore[arg-type]
            )
            for partition in answer["Partitions"]:
                year, month, day = map(int, partition["Values"])
                markets = partition.get("Parameters", {}).get("markets")
                found[dt.date(year, month, day)] = PublishedDay(
                    partition["StorageDescriptor"]["Location"],
                    None if markets is None else origins_from_text(markets),
                )
            wanted = answer.get("UnprocessedKeys", [])  # type: ignore[assignment]
    return found


def carry_over(
    spark: SparkSession, paths: RunPaths, published: Mapping[dt.date, PublishedDay], asked: frozenset[str]
) -> CarriedOver:
    """Copy the rows of markets that were not requested into the run's own version.

    A usual run requests all markets, so nothing is read.

    Args:
        spark: The session.
        paths: The run's S3 locations.
        published: The window's days in the catalog.
        asked: The markets that the run replaces.
    """
    sources = {day: old for day, old in published.items() if old.markets is None or old.markets.keys() - asked}
    if not sources:
        return CarriedOver()
    market = sf.concat_ws("/", "source", "candle_interval", "symbol", "quote_currency")
    rows = (
        spark.read.schema(spark_schema())
        .parquet(*(old.location for _, old in sorted(sources.items())))
        .where(~market.isin(sorted(asked)))
        .select(*(c.name for c in CURATED_COLUMNS))
        .withColumns(partition_columns(_days_between(sources)))
    )
    kept: dict[dt.date, Mapping[str, str]] = {}
    for day, old in sources.items():
        if old.markets is not None:
            kept[day] = {name: origin for name, origin in old.markets.items() if name not in asked}
            continue
        of_day = rows.where(sf.to_date("observed_at") == sf.lit(day))
        # The run that curated them is unknown. The location distinguishes them from every other version.
        found_markets = of_day.select(market.alias("market")).distinct().collect()
        kept[day] = {row.market: old.location for row in found_markets}
    counted = Observation()
    ordered = rows.repartition(*_PARTS).sortWithinPartitions(*_PARTS, *KEY_COLUMNS)
    observed = ordered.observe(counted, rows_by_day().alias("rows_by_day"))
    observed.write.partitionBy(*_PARTS).mode("append").parquet(paths.uri(paths.curated_prefix))
    found = days_counted(counted.get["rows_by_day"])
    return CarriedOver({day: found[day] for day in sources if day in found}, kept)


def _days_between(days: Collection[dt.date]) -> list[dt.date]:
    """Return all days from the first to the last one."""
    return [min(days) + dt.timedelta(n) for n in range((max(days) - min(days)).days + 1)]
