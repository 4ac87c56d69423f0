"""One curation from start to end: read the raw objects, check the candles, write them, audit the files and report."""

from __future__ import annotations

import datetime as dt
import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import reduce
from typing import TYPE_CHECKING

from crypto_prices_contract.curation_report import CurationReport, QuarantinedCandles, RowRuleResult, SourceCounts
from crypto_prices_contract.raw_manifest import RawManifest
from pyspark.sql import DataFrame, Observation

from crypto_prices_etl.accounting import (
    Counts,
    check_rejected_share,
    check_rules,
    counts_from,
    outcome_metrics,
    rule_results,
    written_metrics,
)
from crypto_prices_etl.candles import to_candles
from crypto_prices_etl.carry_over import CarriedOver, asked_markets, carry_over, published_days
from crypto_prices_etl.curation_report import copy_manifest, curation_report, put_json, quality_report
from crypto_prices_etl.deduplication import with_outcome
from crypto_prices_etl.errors import CurationError
from crypto_prices_etl.lake_files import (
    RunPaths,
    audit,
    curated_rows,
    list_curated_files,
    write_curated,
    write_quarantine,
)
from crypto_prices_etl.parsers import parser_of
from crypto_prices_etl.quality import RowRules, with_reason
from crypto_prices_etl.quarantined_candles import read_quarantined_candles
from crypto_prices_etl.raw_manifests import read_raw_manifests
from crypto_prices_etl.raw_records import check_objects, read_raw_records

if TYPE_CHECKING:
    from mypy_boto3_glue import GlueClient
    from mypy_boto3_s3 import S3Client
    from pyspark.sql import SparkSession

    from crypto_prices_etl.arguments import CurationArguments
    from crypto_prices_etl.lake_files import DataFile

logger = logging.getLogger(__name__)

SPARK_SETTINGS = {
    # Candles are in UTC. Dates and timestamps must not depend on the driver's time zone.
    "spark.sql.session.timeZone": "UTC",
    # An invalid cast must raise instead of returning NULL. This is Glue 6.0's default. The rules rely on it.
    "spark.sql.ansi.enabled": "true",
    # INT96, Spark's default, is a legacy type for Redshift and Athena.
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    # If the shuffle returns no rows, this rule replaces the plan with an empty one, which loses all observations.
    "spark.sql.adaptive.optimizer.excludedRules": "org.apache.spark.sql.execution.adaptive.AQEPropagateEmptyRelation",
}
"""The session settings that affect the result."""


def curate(spark: SparkSession, s3: S3Client, glue: GlueClient, arguments: CurationArguments) -> CurationReport:
    """Curate the raw manifests of one window into a new version, which is not visible yet.

    ``publish_partitions`` in the DAG publishes it in the catalog after the warehouse has loaded it.

    Args:
        spark: A session with ``SPARK_SETTINGS``.
        s3: An S3 client.
        glue: A Glue client, for the catalog.
        arguments: The arguments of the run.

    Returns:
        The curation report, as written.

    Raises:
        CurationError: The version must not be loaded. Readers still see the previous version.
    """
    paths = RunPaths(arguments.lake_bucket, arguments.job_run_id)
    manifests = read_raw_manifests(s3, arguments.raw_manifests, arguments.window)
    fetched = Counter[str]()
    for manifest in manifests:
        fetched[manifest.source] += manifest.records
    logger.info("curating %s: %d records of %s", arguments.window.as_json(), fetched.total(), dict(fetched))

    if any(manifest.objects for manifest in manifests):
        counts = _write(spark, manifests, fetched, paths, arguments)
    else:
        counts = Counts({source: SourceCounts(0, 0, {}, 0) for source in fetched}, {})
    rules, quarantined = _judge(s3, counts, paths, arguments)

    files = list_curated_files(s3, paths, arguments.window.days())
    audit(counts.rows_by_day, files)
    if counts.curated:
        entries = [file for written in files.values() for file in written]
        put_json(s3, paths.bucket, paths.copy_manifest_key, copy_manifest(entries))
    asked = asked_markets(manifests)
    carried = _carry_over(spark, s3, glue, arguments, paths, files, asked)
    report = curation_report(arguments, paths, counts, carried, asked, rules=rules, quarantined=quarantined)
    put_json(s3, paths.bucket, paths.curation_report_key, report.to_json())
    logger.info(
        "curated %s: %d fetched, %d curated, %d quarantined, %d duplicates",
        *(arguments.window.as_json(), counts.fetched, counts.curated, counts.rejected, counts.duplicates),
    )
    return report


def _carry_over(
    spark: SparkSession,
    s3: S3Client,
    glue: GlueClient,
    arguments: CurationArguments,
    paths: RunPaths,
    own: Mapping[dt.date, Sequence[DataFile]],
    asked: frozenset[str],
) -> CarriedOver:
    """Carry over the other markets' rows from the currently published versions.

    ``publish_partitions`` checks that these are still current when it publishes this version.
    """
    days = arguments.window.days()
    carried = carry_over(spark, paths, published_days(glue, arguments), asked)
    files = list_curated_files(s3, paths, days)
    audit(carried.rows_by_day, {day: [file for file in files[day] if file not in own[day]] for day in days})
    return carried


def outcomes_of(
    spark: SparkSession, manifests: list[RawManifest], arguments: CurationArguments
) -> tuple[DataFrame, list[tuple[RawManifest, Observation]]]:
    """Return all records with their outcomes, and the observations of their raw objects.

    Args:
        spark: The session.
        manifests: The raw manifests. At least one has objects.
        arguments: The arguments of the run.
    """
    candles: list[DataFrame] = []
    observations: list[tuple[RawManifest, Observation]] = []
    rules = RowRules.parse(arguments.row_rules)
    for manifest in manifests:
        parser = parser_of(manifest.source)
        judge = with_reason(parser, rules, arguments.window, manifest.candle_interval)
        if not manifest.objects:
            continue
        observation = Observation()
        observations.append((manifest, observation))
        records = read_raw_records(spark, manifest, parser, observation)
        candles.append(
            records.transform(to_candles(parser, manifest.candle_interval, arguments.batch_id)).transform(judge)
        )
    return with_outcome(reduce(DataFrame.unionByName, candles)), observations


def _write_quarantine(
    spark: SparkSession, manifests: list[RawManifest], counts: Counts, paths: RunPaths, arguments: CurationArguments
) -> None:
    """Write the records that the first pass rejected.

    The raw objects never change, so a second pass over them finds the same records. Caching the rows of the first pass
    (persist) made the usual run, which rejects nothing, three times as slow, because Spark does not coalesce the
    partitions of a cached plan.
    """
    outcomes, _ = outcomes_of(spark, manifests, arguments)
    seen = Observation()
    write_quarantine(outcomes, seen, paths)
    if seen.get["rows"] != counts.rejected:
        raise CurationError(
            f"rejected {counts.rejected} records, but wrote {seen.get['rows']} to the quarantine. Nothing was published"
        )
    logger.warning("rejected %d records, see %s", counts.rejected, paths.uri(paths.quarantine_prefix))


def _write(
    spark: SparkSession,
    manifests: list[RawManifest],
    fetched: Counter[str],
    paths: RunPaths,
    arguments: CurationArguments,
) -> Counts:
    """Write the curated version and, if needed, the quarantine. All counts come from the first write."""
    days, rules = arguments.window.days(), RowRules.parse(arguments.row_rules)
    outcomes, read = outcomes_of(spark, manifests, arguments)
    judged, written = Observation(), Observation()
    rows = curated_rows(outcomes.observe(judged, *outcome_metrics(sorted(fetched), rules)))
    write_curated(rows.observe(written, *written_metrics(days)), paths)
    for manifest, observation in read:
        check_objects(manifest, observation)
    counts = counts_from(fetched, judged.get, written.get, days, rules)
    if counts.rejected:
        _write_quarantine(spark, manifests, counts, paths, arguments)
    return counts


def _judge(
    s3: S3Client, counts: Counts, paths: RunPaths, arguments: CurationArguments
) -> tuple[list[RowRuleResult], list[QuarantinedCandles]]:
    """Write the results of all rules and return them with the quarantined candles. Fail if a rule requires it."""
    quarantine = paths.uri(paths.quarantine_prefix)
    results = rule_results(counts, RowRules.parse(arguments.row_rules))
    put_json(s3, paths.bucket, paths.quality_report_key, quality_report(arguments, results))
    for result in results:
        if result.broken:
            logger.warning(
                "%s: %d of %d records break the rule %s (%s)",
                *(result.source, result.broken, result.checked, result.rule, result.action.value),
            )
    check_rules(results, quarantine)
    check_rejected_share(counts, arguments.max_rejected_share, quarantine)
    return results, read_quarantined_candles(s3, paths, arguments.window) if counts.rejected else []
