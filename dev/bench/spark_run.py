"""One Spark run in a process of its own, so that its CPU time includes the start of a JVM.

``spark_run.py <JSON of Run>`` prints the JSON of Spent. Its parent is ``dev/bench/curate.py``.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil  # type: ignore[import-untyped]
from crypto_prices_contract.markets import market_key
from crypto_prices_contract.raw_manifest import RawManifest
from crypto_prices_etl.arguments import CurationArguments
from crypto_prices_etl.carry_over import PublishedDay, carry_over
from crypto_prices_etl.curation import SPARK_SETTINGS, write_pass
from crypto_prices_etl.day_columns import day_number, partition_columns
from crypto_prices_etl.lake_files import RunPaths
from crypto_prices_etl.partitions import day_partitions, read_partitions
from crypto_prices_etl.schemas import CURATED_COLUMNS, PARTITION_COLUMNS
from pyspark.sql import SparkSession
from pyspark.sql import functions as sf

from dev.bench.raw_candles import MANIFEST

_SETTINGS = {
    "spark.master": "local[2]",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "ERROR",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.eventLog.enabled": "true",
    "spark.eventLog.compress": "false",
    "spark.eventLog.rolling.enabled": "false",
    **SPARK_SETTINGS,
}
_PARTS = [c.name for c in PARTITION_COLUMNS]


@dataclass(frozen=True)
class Run:
    """What to run.

    Attributes:
        kind: A name in RUNS.
        raw: The folder with the raw objects.
        output: A new folder for the results.
        heap: The JVM's heap, such as "1g".
        published: A folder with a curated version, to carry over.
    """

    kind: str
    raw: str
    output: str
    heap: str = "4g"
    published: str = ""


@dataclass(frozen=True)
class Spent:
    """What a run took.

    Attributes:
        cpu_seconds: CPU time of this process and the JVM.
        programs: The names of the programs whose time that is.
        spilled_mb: What the JVM wrote to disk because it did not fit into the heap.
        rows: Number of written rows.
    """

    cpu_seconds: float
    programs: list[str]
    spilled_mb: float
    rows: int


@dataclass(frozen=True)
class FolderPaths(RunPaths):
    """The locations of a run whose lake is a folder."""

    def uri(self, key: str) -> str:
        """Return the file:// URI of a key in the lake."""
        return f"file://{self.bucket}/{key}"


def curate(spark: SparkSession, run: Run) -> int:
    """Write a curated version as the Glue job does."""
    manifest = _manifest(run)
    counts, refused = write_pass(
        spark, [manifest], FolderPaths(run.output, "ours"), _arguments(manifest), replace=False
    )
    if refused:
        raise RuntimeError(refused[0].problem)
    return counts.curated


def floor(spark: SparkSession, run: Run) -> int:
    """Write the same rows without rules, checks, counts or deduplication: Spark's price for reading and writing.

    The responses are split as text, which costs less than ``from_json`` and relies on how they are generated.
    """
    manifest = _manifest(run)
    partitions = max(spark.sparkContext.defaultParallelism, read_partitions(manifest.records, len(manifest.objects)))
    spark.conf.set("spark.sql.files.maxPartitionNum", str(partitions))
    bodies = spark.read.text(run.raw, wholetext=True, pathGlobFilter="*.json.gz").select(
        "value", sf.col("_metadata.file_path").alias("raw_object")
    )
    texts = bodies.select(
        sf.regexp_extract("raw_object", r"([A-Z0-9]+)USDT-[0-9]+\.json\.gz\z", 1).alias("symbol"),
        "raw_object",
        sf.explode(sf.split(sf.expr("substring(value, 3, length(value) - 4)"), r"\],\[")).alias("text"),
    )
    candles = texts.select(
        "symbol", "raw_object", sf.split(sf.replace("text", sf.lit('"'), sf.lit("")), ",").alias("fields")
    )
    opened, *numbers, trades = (sf.get("fields", sf.lit(place)) for place in (0, 1, 2, 3, 4, 5, 7, 8))
    names = ("open_price", "high_price", "low_price", "close_price", "base_volume", "quote_volume")
    rows = candles.select(
        sf.lit("binance").alias("source"),
        "symbol",
        sf.lit("USDT").alias("quote_currency"),
        sf.lit(manifest.candle_interval).alias("candle_interval"),
        sf.timestamp_millis(opened.cast("bigint")).alias("observed_at"),
        *(number.cast("decimal(38,18)").alias(name) for name, number in zip(names, numbers, strict=True)),
        trades.cast("bigint").alias("trade_count"),
        sf.lit(None).cast("decimal(38,8)").alias("market_cap"),
        "raw_object",
        sf.lit(manifest.written_at).cast("timestamp").alias("ingested_at"),
        sf.lit("bench").alias("batch_id"),
    )
    days = manifest.window.days()
    by_day = rows.select(*(c.name for c in CURATED_COLUMNS)).repartition(
        day_partitions(manifest.records, len(days)), day_number()
    )
    paths = FolderPaths(run.output, "ours")
    # The other columns of the key are the same in all rows.
    ordered = by_day.withColumns(partition_columns(days)).sortWithinPartitions(*_PARTS, "symbol", "observed_at")
    ordered.write.partitionBy(*_PARTS).parquet(paths.uri(paths.curated_prefix))
    return manifest.records


def carry(spark: SparkSession, run: Run) -> int:
    """Carry over all markets of a version, for a run that requested another one."""
    manifest = _manifest(run)
    published = FolderPaths(run.published, "ours")
    markets = {market_key("binance", manifest.candle_interval, market.name): "jr" for market in manifest.markets}
    of_day = {day: PublishedDay(published.uri(published.day_prefix(day)), markets) for day in manifest.window.days()}
    found = carry_over(spark, FolderPaths(run.output, "ours"), of_day, frozenset({"binance/1h/OTHER/USDT"}))
    return sum(found.rows_by_day.values())


RUNS: dict[str, Callable[[SparkSession, Run], int]] = {"curate": curate, "floor": floor, "carry": carry}


def main(run: Run) -> Spent:
    """Run, and return what it took."""
    output = Path(run.output)
    output.mkdir(parents=True)
    builder = SparkSession.builder
    settings = {"spark.driver.memory": run.heap, "spark.eventLog.dir": output.as_uri()}
    for name, value in (_SETTINGS | settings).items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    rows = RUNS[run.kind](spark, run)
    me = psutil.Process()
    measured = [(process.name(), process.cpu_times()) for process in (me, *me.children(recursive=True))]
    application = spark.sparkContext.applicationId
    spark.stop()
    return Spent(
        cpu_seconds=sum(times.user + times.system for _, times in measured),
        programs=[name for name, _ in measured],
        spilled_mb=_spilled_mb(output / application),
        rows=rows,
    )


def _spilled_mb(event_log: Path) -> float:
    events = map(json.loads, event_log.read_text().splitlines())
    tasks = [event for event in events if event["Event"] == "SparkListenerTaskEnd"]
    spilled: int = sum(task["Task Metrics"]["Disk Bytes Spilled"] for task in tasks)
    return spilled / 1e6


def _manifest(run: Run) -> RawManifest:
    path = Path(run.raw) / MANIFEST
    return RawManifest.from_json(path.as_uri(), json.loads(path.read_text()))


def _arguments(manifest: RawManifest) -> CurationArguments:
    return CurationArguments.from_options(
        {
            "JOB_RUN_ID": "ours",
            "raw_manifests": manifest.uri,
            "window_start": manifest.window.start.isoformat(),
            "window_end": manifest.window.end.isoformat(),
            "batch_id": "bench",
            "catalog_database": "crypto",
            "catalog_table": "crypto_prices",
            "lake_bucket": "lake",
            "max_rejected_share": "0",
            "row_rules": "default",
            "accepted_sources": "none",
        }
    )


if __name__ == "__main__":
    print(json.dumps(asdict(main(Run(**json.loads(sys.argv[1]))))))
