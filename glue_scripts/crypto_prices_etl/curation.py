"""One curation from start to end: read the raw objects, check the candles, write them, audit the files and report."""

from __future__ import annotations

import datetime as dt
import logging
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING

from crypto_prices_contract.curation_report import CurationReport, RefusedSource, RowRuleResult, SourceCounts
from crypto_prices_contract.raw_manifest import RawManifest
from pyspark.sql import DataFrame, Observation

from crypto_prices_etl.accounting import (
    Counts,
    counts_from,
    outcome_counts,
    outcome_metrics,
    refuse_broken_rules,
    refuse_rejected_share,
    rule_results,
    written_metrics,
)
from crypto_prices_etl.candles import to_candles
from crypto_prices_etl.carry_over import CarriedOver, asked_markets, carry_over, published_days
from crypto_prices_etl.curation_report import copy_manifest, curation_report, put_json, quality_report
from crypto_prices_etl.deduplication import with_outcome
from crypto_prices_etl.errors import CurationError, RefusedSourcesError
from crypto_prices_etl.lake_files import (
    RunPaths,
    audit,
    curated_files,
    curated_rows,
    list_curated_files,
    write_curated,
    write_quarantine,
)
from crypto_prices_etl.parsers import parser_of
from crypto_prices_etl.partitions import read_partitions
from crypto_prices_etl.quality import RowRules, with_reason
from crypto_prices_etl.quarantined_candles import Quarantine, read_quarantine
from crypto_prices_etl.raw_manifests import read_raw_manifests
from crypto_prices_etl.raw_records import RawObjects, read_raw_records, refuse_objects

if TYPE_CHECKING:
    from mypy_boto3_glue import GlueClient
    from mypy_boto3_s3 import S3Client
    from pyspark.sql import SparkSession

    from crypto_prices_etl.arguments import CurationArguments
    from crypto_prices_etl.lake_files import DataFile

logger = logging.getLogger(__name__)

SPARK_SETTINGS = {
    # The committer would list and abort unfinished uploads below the version. No other run has any there, and the
    # bucket's lifecycle rule aborts those of a killed run:
    # https://hadoop.apache.org/docs/r3.4.2/hadoop-aws/tools/hadoop-aws/committers.html
    "spark.hadoop.fs.s3a.committer.abort.pending.uploads": "false",
    # Candles are in UTC. Dates and timestamps must not depend on the driver's time zone.
    "spark.sql.session.timeZone": "UTC",
    # An invalid cast must raise instead of returning NULL. This is Glue 6.0's default. The rules rely on it.
    "spark.sql.ansi.enabled": "true",
    # INT96, Spark's default, is a legacy type for Redshift and Athena.
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    # If the shuffle returns no rows, this rule replaces the plan with an empty one, which loses all observations.
    "spark.sql.adaptive.optimizer.excludedRules": "org.apache.spark.sql.execution.adaptive.AQEPropagateEmptyRelation",
    # Otherwise PySpark records the caller of each column function, in several calls to the JVM. A plan has hundreds.
    "spark.python.sql.dataFrameDebugging.enabled": "false",
}
"""The session settings that affect the result or the permissions that a run needs, and one that saves a second of
every run."""


@dataclass(frozen=True)
class _Written:
    """What a run has written for the sources that can be loaded.

    Attributes:
        manifests: Their raw manifests.
        counts: The outcomes of their records.
        results: The results of the rules for their records.
        quarantine: Their rejected records.
        refused: The other sources.
    """

    manifests: Sequence[RawManifest]
    counts: Counts
    results: Sequence[RowRuleResult]
    quarantine: Quarantine
    refused: Sequence[RefusedSource]


def curate(spark: SparkSession, s3: S3Client, glue: GlueClient, arguments: CurationArguments) -> CurationReport:
    """Curate the raw manifests of one window into a new version, which is not visible yet.

    ``publish_partitions`` in the DAG publishes it in the catalog after the warehouse has loaded it. A source whose
    records must not be loaded does not hold back the others: the version has none of its records, and the report names
    the reason.

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
    fetched = _fetched(manifests)
    logger.info("curating %s: %d records of %s", arguments.window.as_json(), fetched.total(), dict(fetched))

    written = _write(spark, s3, manifests, paths, arguments)
    counts = written.counts
    files = list_curated_files(s3, paths, arguments.window.days())
    audit(counts.rows_by_day, files)
    entries = [file for of_day in files.values() for file in of_day]
    manifest = put_json(s3, paths.bucket, paths.copy_manifest_key, copy_manifest(entries))
    asked = asked_markets(written.manifests)
    carried = _carry_over(spark, s3, glue, arguments, paths, files, asked)
    report = curation_report(
        arguments,
        paths,
        counts,
        carried,
        asked,
        manifest=manifest,
        files=curated_files(s3, files, counts.rows_by_day),
        rules=written.results,
        quarantined=written.quarantine.candles,
        refused=written.refused,
    )
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
    raw_objects = RawObjects(manifests)
    partitions = max(spark.sparkContext.defaultParallelism, read_partitions(raw_objects.records, len(raw_objects)))
    spark.conf.set("spark.sql.files.maxPartitionNum", str(partitions))
    for manifest in manifests:
        parser = parser_of(manifest.source)
        judge = with_reason(parser, rules, arguments.window, manifest.candle_interval)
        if not manifest.objects:
            continue
        observation = Observation()
        observations.append((manifest, observation))
        records = read_raw_records(spark, manifest, raw_objects, parser, observation)
        candles.append(
            records.transform(to_candles(parser, manifest.candle_interval, arguments.batch_id)).transform(judge)
        )
    outcomes = reduce(DataFrame.unionByName, candles).transform(with_outcome(raw_objects, arguments.window))
    return outcomes, observations


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
    s3: S3Client,
    manifests: list[RawManifest],
    paths: RunPaths,
    arguments: CurationArguments,
) -> _Written:
    """Write the curated version and, if needed, the quarantine.

    Usually this is one pass over the records. Whether a source can be loaded is known only after it. So a refused
    source takes another pass, which replaces the version by one without it.

    Raises:
        RefusedSourcesError: No source is left.
    """
    refused = list[RefusedSource]()
    left = manifests
    if any(manifest.objects for manifest in left):
        counts, refused = write_pass(spark, left, paths, arguments, replace=False)
        if refused:
            left = _without(manifests, refused)
            counts, _ = write_pass(spark, left, paths, arguments, replace=True)
    else:
        counts = Counts({source: SourceCounts(0, 0, {}, 0) for source in _fetched(left)}, {})
    if counts.rejected:
        _write_quarantine(spark, left, counts, paths, arguments)
    results = rule_results(counts, RowRules.parse(arguments.row_rules))
    _report_rules(s3, results, paths, arguments)
    quarantine = read_quarantine(s3, paths, arguments.window) if counts.rejected else Quarantine()
    rejected = _refuse(counts, results, quarantine, paths, arguments)
    if rejected:
        refused += rejected
        left = _without(manifests, refused)
        counts, _ = write_pass(spark, left, paths, arguments, replace=True)
    for source in refused:
        logger.error("%s is not loaded: %s %s", source.source, source.code, source.problem)
    names = {manifest.source for manifest in left}
    return _Written(
        left,
        counts,
        [result for result in results if result.source in names],
        Quarantine(
            tuple(run for run in quarantine.candles if run.source in names),
            {source: number for source, number in quarantine.markets.items() if source in names},
        ),
        sorted(refused),
    )


def _without(manifests: Sequence[RawManifest], refused: Sequence[RefusedSource]) -> list[RawManifest]:
    """Return the manifests of the other sources.

    Raises:
        RefusedSourcesError: No source is left.
    """
    names = {source.source for source in refused}
    left = [manifest for manifest in manifests if manifest.source not in names]
    if not any(manifest.objects for manifest in left):
        raise RefusedSourcesError(sorted(refused))
    return left


def write_pass(
    spark: SparkSession, manifests: list[RawManifest], paths: RunPaths, arguments: CurationArguments, *, replace: bool
) -> tuple[Counts, list[RefusedSource]]:
    """Write the curated rows of the manifests, and return the outcomes of their records, which come from the same pass.

    If raw objects differ from a manifest, there are no outcomes, because the records do not add up. Then the sources of
    these manifests are returned.
    """
    days, rules, fetched = arguments.window.days(), RowRules.parse(arguments.row_rules), _fetched(manifests)
    sources = sorted(fetched)
    outcomes, read = outcomes_of(spark, manifests, arguments)
    judged, written = Observation(), Observation()
    rows = curated_rows(outcomes.observe(judged, *outcome_metrics(sources, rules)))
    write_curated(rows.observe(written, *written_metrics()), paths, replace=replace)
    differing = {
        refusal.source: refusal
        for manifest, observation in read
        if (refusal := refuse_objects(manifest, observation)) is not None
    }
    if differing:
        return Counts({}, {}), list(differing.values())
    return counts_from(fetched, outcome_counts(judged.get, sources), written.get, days, rules), []


def _refuse(
    counts: Counts,
    results: Sequence[RowRuleResult],
    quarantine: Quarantine,
    paths: RunPaths,
    arguments: CurationArguments,
) -> list[RefusedSource]:
    """Return the sources that must not be loaded because of rejected records, each with its first reason.

    A user can accept the rejected records of a source.
    """
    location = paths.uri(paths.quarantine_prefix)
    refused = {
        refusal.source: refusal
        for refusal in (
            *refuse_rejected_share(counts, quarantine.markets, arguments.max_rejected_share, location),
            *refuse_broken_rules(results, location),
        )
        if refusal.source not in arguments.accepted_sources
    }
    return list(refused.values())


def _report_rules(
    s3: S3Client, results: Iterable[RowRuleResult], paths: RunPaths, arguments: CurationArguments
) -> None:
    """Write the results of all rules to the quality report, and log the broken ones."""
    put_json(s3, paths.bucket, paths.quality_report_key, quality_report(arguments, results))
    for result in results:
        if result.broken:
            logger.warning(
                "%s: %d of %d records break the rule %s (%s)",
                *(result.source, result.broken, result.checked, result.rule, result.action.value),
            )


def _fetched(manifests: Iterable[RawManifest]) -> Counter[str]:
    """Return the number of fetched records by source."""
    fetched = Counter[str]()
    for manifest in manifests:
        fetched[manifest.source] += manifest.records
    return fetched
