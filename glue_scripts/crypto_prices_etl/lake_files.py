"""The S3 locations of a run, the Spark writes, and the audit of the written files."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from crypto_prices_contract import s3_keys
from crypto_prices_contract.stored_objects import CuratedFile, stored_object
from pyspark.sql import functions as sf

from crypto_prices_etl.committer_files import written_objects
from crypto_prices_etl.deduplication import CURATED, DUPLICATE, KEY_ORDER
from crypto_prices_etl.errors import CurationError
from crypto_prices_etl.quality import SURPLUS
from crypto_prices_etl.schemas import CURATED_COLUMNS, PARTITION_COLUMNS, spark_schema

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from pyspark.sql import DataFrame, Observation

_PARTS = tuple(c.name for c in PARTITION_COLUMNS)
_QUARANTINE_COLUMNS = (
    "source",
    "exchange_symbol",
    "symbol",
    "quote_currency",
    "candle_interval",
    "observed_at",
    "raw_object",
    "record_position",
    "record",
    "ingested_at",
    "batch_id",
)

_MICROSECONDS = "yyyy-MM-dd'T'HH:mm:ss.SSSSSSX"


@dataclass(frozen=True)
class RunPaths:
    """The S3 locations of one job run. No other run writes to them."""

    bucket: str
    job_run_id: str

    @property
    def curated_prefix(self) -> str:
        """Key prefix of the curated version, ending in a slash."""
        return s3_keys.curated_version_prefix(self.job_run_id)

    def day_prefix(self, day: dt.date) -> str:
        """Return the key prefix of one day of the curated version, ending in a slash."""
        return s3_keys.curated_day_prefix(self.job_run_id, day)

    @property
    def quarantine_prefix(self) -> str:
        """Key prefix of the rejected records, ending in a slash."""
        return s3_keys.quarantine_prefix(self.job_run_id)

    @property
    def copy_manifest_key(self) -> str:
        """Key of the manifest that Redshift's COPY reads."""
        return s3_keys.copy_manifest_key(self.job_run_id)

    @property
    def quality_report_key(self) -> str:
        """Key of the results of all rules, which a run that fails because of a rule writes, too."""
        return s3_keys.quality_report_key(self.job_run_id)

    @property
    def curation_report_key(self) -> str:
        """Key of the curation report, the last object that a run writes."""
        return s3_keys.curation_report_key(self.job_run_id)

    def uri(self, key: str) -> str:
        """Return the s3:// URI of a key in the lake."""
        return s3_keys.s3_uri(self.bucket, key)


@dataclass(frozen=True)
class DataFile:
    """One object that the run wrote."""

    uri: str
    content_length: int


def curated_rows(outcomes: DataFrame) -> DataFrame:
    """Return the rows to write: the curated columns in order, then the partition columns.

    The rows are sorted by partition first. Otherwise Spark sorts again and loses the order within the files. They have
    this order already, so the sort is not in the physical plan.

    Raises:
        CurationError: The columns are not those of ``schemas``, which is a bug in this package.
    """
    curated = outcomes.where(sf.col("outcome") == CURATED).sortWithinPartitions(*KEY_ORDER)
    rows = curated.select(*(c.name for c in CURATED_COLUMNS), *_PARTS)
    found = [(f.name, f.dataType) for f in rows.schema.fields[: len(CURATED_COLUMNS)]]
    wanted = [(f.name, f.dataType) for f in spark_schema().fields]
    if found != wanted:
        raise CurationError(f"the curated columns are {found}, but the schema has {wanted}")
    return rows


def write_curated(rows: DataFrame, paths: RunPaths, *, replace: bool = False) -> None:
    """Write the rows as Parquet under the run's version, one file per day.

    Args:
        rows: The rows of ``curated_rows``.
        paths: The run's S3 locations.
        replace: Whether to replace the files that this run has written. No reader sees its version yet.
    """
    mode = "overwrite" if replace else "errorifexists"
    rows.write.partitionBy(*_PARTS).mode(mode).parquet(paths.uri(paths.curated_prefix))


def write_quarantine(outcomes: DataFrame, observation: Observation, paths: RunPaths) -> None:
    """Write the rejected records as JSON lines, with the reason first and the record's text verbatim.

    The observation receives the number of ``rows``.
    """
    rejected = outcomes.where(~sf.col("outcome").isin(CURATED, DUPLICATE, SURPLUS))
    lines = rejected.select(sf.col("outcome").alias("reason"), *_QUARANTINE_COLUMNS)
    # max_rejected_share keeps the number small, so one file is enough and easy to read.
    ordered = lines.coalesce(1).sortWithinPartitions("raw_object", "record_position")
    counted = ordered.observe(observation, sf.count(sf.lit(1)).alias("rows"))
    # Spark's default format has milliseconds only.
    counted.write.mode("errorifexists").option("timestampFormat", _MICROSECONDS).json(
        paths.uri(paths.quarantine_prefix), timestampFormat="yyyy-MM-dd'T'HH:mm:ss.SSSSSSXXX"
    )


def list_curated_files(s3: S3Client, paths: RunPaths, days: list[dt.date]) -> dict[dt.date, list[DataFile]]:
    """Return the Parquet files of each day in S3, ordered by key.

    Raises:
        CurationError: The version has an object that is not a Parquet file of one of the days.
    """
    folders = {paths.day_prefix(day): day for day in days}
    files: dict[dt.date, list[DataFile]] = {day: [] for day in days}
    for item in written_objects(s3, paths.bucket, paths.curated_prefix):
        folder, _, name = item["Key"].rpartition("/")
        if f"{folder}/" == paths.curated_prefix and (name == "_SUCCESS" or not name):
            continue  # Hadoop's committer leaves a success marker and the folder itself
        if name == "" or name.endswith("_$folder$"):
            continue
        day = folders.get(f"{folder}/")
        if day is None or not name.endswith(".parquet"):
            raise CurationError(f"unexpected object {paths.uri(item['Key'])} in the run's version")
        files[day].append(DataFile(paths.uri(item["Key"]), item["Size"]))
    return files


def audit(rows_by_day: Mapping[dt.date, int], files: Mapping[dt.date, Sequence[DataFile]]) -> None:
    """Check that S3 holds files for exactly the days that have rows.

    Raises:
        CurationError: A day's files are missing or empty, or a day without rows has files.
    """
    for day, written in files.items():
        rows = rows_by_day.get(day, 0)
        if bool(rows) != bool(written) or any(f.content_length == 0 for f in written):
            held = [f"{f.uri} ({f.content_length} bytes)" for f in written]
            raise CurationError(f"{rows} rows were written for {day}, but S3 has {held}. Nothing was published")


def curated_files(
    s3: S3Client, files: Mapping[dt.date, Sequence[DataFile]], rows_by_day: Mapping[dt.date, int]
) -> tuple[CuratedFile, ...]:
    """Return the files that the run curated with the version of each, in the order of the days.

    This takes one request per file, usually one per day. ListObjectVersions would take fewer, but it also returns the
    committer's deleted objects.

    Args:
        s3: An S3 client.
        files: The files by day.
        rows_by_day: Number of rows by day, for days with rows. A day's only file has all of them.
    """
    found = []
    for day, of_day in sorted(files.items()):
        for file in of_day:
            bucket, key = s3_keys.split_s3_uri(file.uri)
            stored = stored_object(file.uri, s3.head_object(Bucket=bucket, Key=key))
            rows = rows_by_day.get(day) if len(of_day) == 1 else None
            found.append(CuratedFile(**asdict(stored), bytes=file.content_length, rows=rows))
    return tuple(found)
