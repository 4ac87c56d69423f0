"""The raw records, one row each: the text, its cells, its position, and the numbers of raw object and market."""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from crypto_prices_contract.curation_report import RefusedSource
from crypto_prices_contract.error_codes import RAW_OBJECTS_DIFFER
from crypto_prices_contract.s3_keys import RAW_OBJECT_SUFFIX
from pyspark.sql import functions as sf

from crypto_prices_etl.candles import exact_cells
from crypto_prices_etl.plain_bodies import is_plain, plain_records

if TYPE_CHECKING:
    from crypto_prices_contract.raw_manifest import RawManifest, RawObject
    from pyspark.sql import Column, DataFrame, Observation, SparkSession

    from crypto_prices_etl.parsers.base import SourceParser

_EXPECTED = "object_number:int,market_number:int,sha256:string,records:int,fetched_at:string"
_MARKET = ("source", "symbol", "quote_currency", "candle_interval")
_OBJECT = ("raw_object", "exchange_symbol")


class RawObjects:
    """The raw objects of a run, and what the manifests state about them, as constant columns.

    A constant needs no join and no Python worker, which createDataFrame would start.

    A row has the numbers of its object and its market instead of their texts, which would double the shuffle. Numbers
    have the order of the texts: sorting by them gives the same rows. ``names`` gives the texts back.

    Args:
        manifests: The manifests of the run.
    """

    def __init__(self, manifests: Sequence[RawManifest]) -> None:
        self._listed = sorted(
            ((manifest, raw_object) for manifest in manifests for raw_object in manifest.objects),
            key=lambda pair: pair[1].uri,
        )
        self._markets = sorted({_market(*pair) for pair in self._listed})
        self.records = sum(raw_object.records for _, raw_object in self._listed)
        """Number of records in all objects."""

    def __len__(self) -> int:
        """Return the number of objects."""
        return len(self._listed)

    def expected(self, manifest: RawManifest, uri: Column) -> Column:
        """Return what a manifest states about an object, to compare it with; NULL if the manifest does not list it."""
        market_numbers = {market: number for number, market in enumerate(self._markets)}
        objects = {
            raw_object.uri: {
                "object_number": number,
                "market_number": market_numbers[_market(of, raw_object)],
                **{name: getattr(raw_object, name) for name in ("sha256", "records", "fetched_at")},
            }
            for number, (of, raw_object) in enumerate(self._listed)
            if of is manifest
        }
        # Spark searches a map from its start. With small maps instead of one, the time per object stays the same. They
        # are texts, because Spark deserializes a constant for each task, and 100,000 maps take a second.
        buckets: list[dict[str, Any]] = [{} for _ in range(1 + len(objects) // 4)]
        for key, value in objects.items():
            buckets[zlib.crc32(key.encode()) % len(buckets)][key] = value
        texts = sf.from_json(sf.lit(json.dumps([json.dumps(bucket) for bucket in buckets])), "array<string>")
        bucket = sf.get(texts, (sf.crc32(uri.cast("binary")) % len(buckets)).cast("int"))
        return sf.from_json(bucket, f"map<string,struct<{_EXPECTED}>>")[uri]

    def names(self) -> dict[str, Column]:
        """Return the texts that a row's numbers stand for, by column."""
        of_markets = zip(*self._markets, strict=True)
        of_objects = zip(*((raw_object.uri, raw_object.exchange_symbol) for _, raw_object in self._listed), strict=True)
        return {
            **{name: _text_of("market_number", texts) for name, texts in zip(_MARKET, of_markets, strict=True)},
            **{name: _text_of("object_number", texts) for name, texts in zip(_OBJECT, of_objects, strict=True)},
        }


def read_raw_records(
    spark: SparkSession,
    manifest: RawManifest,
    raw_objects: RawObjects,
    parser: SourceParser,
    observation: Observation,
) -> DataFrame:
    """Read the objects in a manifest and split them into records.

    Args:
        spark: The session.
        manifest: A manifest with at least one object.
        raw_objects: The objects of all manifests of the run.
        parser: The parser of its source.
        observation: Receives the differences between the objects and the manifest; see ``refuse_objects``.

    Returns:
        object_number, market_number, ingested_at, record_position (from 0), record (its verbatim text), cells (see
        ``candles.exact_cells``).
    """
    # Spark lists named objects one by one, with a task for each, but a folder as a whole. What the manifest does not
    # name, or the folder does not have, is a difference.
    folders = sorted({raw_object.uri.rpartition("/")[0] for raw_object in manifest.objects})
    # An object is one JSON body, so it is read as a whole by one task. Spark detects gzip by the suffix.
    bodies = spark.read.text(folders, wholetext=True, pathGlobFilter=f"*{RAW_OBJECT_SUFFIX}")
    body, uri = sf.col("body"), sf.col("raw_object")
    objects = (
        bodies.select(sf.col("value").alias("body"), sf.col("_metadata.file_path").alias("raw_object"))
        .withColumns({"expected": raw_objects.expected(manifest, uri), "is_plain": is_plain(body, parser)})
        .withColumn("texts", sf.when(sf.col("is_plain"), plain_records(body)).otherwise(parser.split_body(body)))
        .withColumn("difference", _difference())
        .observe(
            observation,
            sf.count("expected").alias("objects"),
            sf.count("difference").alias("mismatches"),
            sf.max(sf.concat_ws(" ", sf.when(sf.col("difference").isNotNull(), uri), "difference")).alias("mismatch"),
        )
    )
    exact = sf.transform("texts", exact_cells(parser))
    records = objects.withColumn("cells", sf.when(sf.col("is_plain"), sf.col("texts")).otherwise(exact)).select(
        "expected.object_number",
        "expected.market_number",
        sf.col("expected.fetched_at").try_cast("timestamp").alias("ingested_at"),
        "is_plain",
        sf.posexplode(sf.arrays_zip("texts", "cells")).alias("record_position", "zipped"),
    )
    text = sf.col("zipped.texts")
    return records.select(
        "object_number",
        "market_number",
        "ingested_at",
        "record_position",
        sf.when(sf.col("is_plain"), sf.concat(sf.lit("["), text, sf.lit("]"))).otherwise(text).alias("record"),
        "zipped.cells",
    )


def refuse_objects(manifest: RawManifest, observation: Observation) -> RefusedSource | None:
    """Return the refusal of a source whose raw objects differ from its manifest, with CP-14; None if they agree.

    An object is missing or is not in the manifest, or a body's hash or number of records differs. The message names one
    such object, unless objects are missing.
    """
    found, listed = observation.get, len(manifest.objects)
    if found["mismatches"]:
        problem = f"{found['mismatches']} of {listed} raw objects differ from {manifest.uri}: {found['mismatch']}"
    elif found["objects"] != listed:
        problem = f"{listed - found['objects']} of {listed} raw objects in {manifest.uri} do not exist"
    else:
        return None
    return RefusedSource(
        manifest.source,
        RAW_OBJECTS_DIFFER,
        f"{problem}. No record of {manifest.source} is loaded. Fetch the window again",
    )


def _difference() -> Column:
    sha256 = sf.sha2(sf.encode(sf.col("body"), "UTF-8"), 256)
    records = sf.size("texts")
    return (
        sf.when(sf.col("expected").isNull(), sf.lit("is not in the manifest"))
        .when(sha256 != sf.col("expected.sha256"), sf.concat(sf.lit("has the sha256 "), sha256))
        .when(sf.col("texts").isNull(), sf.lit("cannot be split into records"))
        .when(records != sf.col("expected.records"), sf.concat(sf.lit("has "), records, sf.lit(" records")))
        .when(sf.col("expected.fetched_at").try_cast("timestamp").isNull(), sf.lit("has an invalid fetch time"))
    )


def _market(manifest: RawManifest, raw_object: RawObject) -> tuple[str, str, str, str]:
    """Return the natural key of a row without its time."""
    return manifest.source, raw_object.symbol, raw_object.quote_currency, manifest.candle_interval


def _text_of(number: str, texts: Sequence[str]) -> Column:
    """Return the text at the place that a column has the number of."""
    if len(set(texts)) == 1:
        return sf.lit(texts[0])  # Spark evaluates conditions on constants once
    return sf.get(sf.from_json(sf.lit(json.dumps(texts)), "array<string>"), sf.col(number))
