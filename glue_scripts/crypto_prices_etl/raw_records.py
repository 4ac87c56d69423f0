"""The raw records, one row each: the exact text, the position, and the manifest's data of the raw object."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from crypto_prices_contract.curation_report import RefusedSource
from crypto_prices_contract.error_codes import RAW_OBJECTS_DIFFER
from pyspark.sql import functions as sf

if TYPE_CHECKING:
    from crypto_prices_contract.raw_manifest import RawManifest, RawObject
    from pyspark.sql import Column, DataFrame, Observation, SparkSession

    from crypto_prices_etl.parsers.base import SourceParser

_FACTS = {
    "sha256": "string",
    "records": "int",
    "surplus": "int",
    "fetched_at": "string",
    "exchange_symbol": "string",
    "symbol": "string",
    "quote_currency": "string",
}
"""Fields of the manifest's objects that the plan needs, with their Spark types."""


def read_raw_records(
    spark: SparkSession, manifest: RawManifest, parser: SourceParser, observation: Observation
) -> DataFrame:
    """Read exactly the objects in a manifest and split them into records.

    Args:
        spark: The session.
        manifest: A manifest with at least one object.
        parser: The parser of its source.
        observation: Receives the differences between the objects and the manifest; see ``refuse_objects``.

    Returns:
        source, candle_interval, exchange_symbol, symbol, quote_currency, raw_object, ingested_at, record_position (from
        0), record (its verbatim text).
    """
    # An object is one JSON body, so it is read as a whole by one task. Spark detects gzip by the suffix.
    bodies = spark.read.text([o.uri for o in manifest.objects], wholetext=True)
    objects = (
        bodies.select(sf.col("value").alias("body"), sf.col("_metadata.file_path").alias("raw_object"))
        .withColumn("expected", _facts(manifest.objects)[sf.col("raw_object")])
        .withColumn("texts", parser.split_body(sf.col("body")))
    )
    return objects.observe(observation, *_object_metrics()).select(
        sf.lit(manifest.source).alias("source"),
        sf.lit(manifest.candle_interval).alias("candle_interval"),
        "expected.exchange_symbol",
        "expected.symbol",
        "expected.quote_currency",
        "raw_object",
        sf.col("expected.fetched_at").try_cast("timestamp").alias("ingested_at"),
        sf.posexplode("texts").alias("record_position", "record"),
    )


def refuse_objects(manifest: RawManifest, observation: Observation) -> RefusedSource | None:
    """Return the refusal of a source whose raw objects differ from its manifest, with CP-14; None if they agree.

    A body's hash or number of records differs. The message names one such object.
    """
    found = observation.get
    if not found["mismatches"]:
        return None
    return RefusedSource(
        manifest.source,
        RAW_OBJECTS_DIFFER,
        f"{found['mismatches']} of {len(manifest.objects)} raw objects differ from {manifest.uri}: "
        f"{found['mismatch']}. No record of {manifest.source} is loaded. Fetch the window again",
    )


def _facts(objects: Sequence[RawObject]) -> Column:
    """Return the manifest's data of its objects as a constant map by URI.

    A constant needs no join and no Python worker, which createDataFrame would start. It is looked up once per object.
    """
    by_uri = {o.uri: {name: getattr(o, name) for name in _FACTS} for o in objects}
    struct = ",".join(f"{name}:{spark_type}" for name, spark_type in _FACTS.items())
    return sf.from_json(sf.lit(json.dumps(by_uri)), f"map<string,struct<{struct}>>")


def _object_metrics() -> list[Column]:
    sha256 = sf.sha2(sf.encode(sf.col("body"), "UTF-8"), 256)
    records = sf.size("texts")
    wrong = (
        sf.when(sf.col("expected").isNull(), sf.lit("is not in the manifest"))
        .when(sha256 != sf.col("expected.sha256"), sf.concat(sf.lit("has the sha256 "), sha256))
        .when(sf.col("texts").isNull(), sf.lit("cannot be split into records"))
        .when(records != sf.col("expected.records"), sf.concat(sf.lit("has "), records, sf.lit(" records")))
        .when(sf.col("expected.fetched_at").try_cast("timestamp").isNull(), sf.lit("has an invalid fetch time"))
    )
    return [
        sf.count_if(wrong.isNotNull()).alias("mismatches"),
        sf.max(sf.when(wrong.isNotNull(), sf.concat(sf.col("raw_object"), sf.lit(" "), wrong))).alias("mismatch"),
    ]
