"""The S3 keys of all objects in the lake's bucket."""

from __future__ import annotations

from datetime import date

from crypto_prices_contract.window import Window

DATASET = "crypto_prices"

RAW_OBJECT_SUFFIX = ".json.gz"
"""How the keys of raw objects end. No other object of an attempt ends so."""

LOAD_RECORDS = "loads/"
"""The key prefix of all load records."""


def partition_values(day: date) -> list[str]:
    """Return the values of a day's catalog partition: year, month and day, as zero-padded text."""
    return [f"{day:%Y}", f"{day:%m}", f"{day:%d}"]


def raw_attempt_prefix(source: str, window: Window, attempt: str) -> str:
    """Return the key prefix of all objects of one fetch attempt, ending in a slash.

    Args:
        source: Name of the source, such as ``binance``.
        window: The requested window. Its first day is the partition.
        attempt: Id of the attempt. Each attempt has its own prefix, so attempts never overwrite each other.
    """
    return f"{_raw_window_prefix(source, window)}attempt={attempt}/"


def raw_listing_key(source: str, window: Window, attempt: str, page: int) -> str:
    """Return the key of one verbatim response in which a source describes its markets.

    Args:
        source: Name of the source.
        window: The requested window.
        attempt: Id of the attempt to ask the source.
        page: Number of the response, from 1.
    """
    return f"{_raw_window_prefix(source, window)}listing={attempt}/markets-{page:04d}{RAW_OBJECT_SUFFIX}"


def raw_object_key(attempt_prefix: str, exchange_symbol: str, page: int) -> str:
    """Return the key of one verbatim response. Pages count from 1.

    A colon of the symbol, such as Bitfinex's ``tDOGE:USD``, becomes an underscore. AWS advises against colons in keys
    (https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html, "Characters that might require special
    handling"), and Hadoop takes a file name's text before a colon for a URI scheme (HADOOP-14235, apache/hadoop#206).
    """
    return f"{attempt_prefix}{exchange_symbol.replace(':', '_')}-{page:04d}{RAW_OBJECT_SUFFIX}"


def raw_manifest_key(attempt_prefix: str) -> str:
    """Return the key of the raw manifest, the commit point of an attempt."""
    return f"{attempt_prefix}manifest.json"


def curated_version_prefix(job_run_id: str) -> str:
    """Return the key prefix of the curated files of one Glue run, ending in a slash."""
    return f"curated/{DATASET}/version={job_run_id}/"


def curated_day_prefix(job_run_id: str, day: date) -> str:
    """Return the key prefix of one day of a curated version, ending in a slash."""
    return curated_version_prefix(job_run_id) + _day_folder(day)


def quarantine_prefix(job_run_id: str) -> str:
    """Return the key prefix of the records that one Glue run rejected, ending in a slash."""
    return f"quarantine/{DATASET}/version={job_run_id}/"


def copy_manifest_key(job_run_id: str) -> str:
    """Return the key of the manifest that Redshift's COPY reads."""
    return f"curated/_manifests/{job_run_id}/copy_manifest.json"


def quality_report_key(job_run_id: str) -> str:
    """Return the key of the rule results of one Glue run. A run that fails because of a rule writes them, too."""
    return f"curated/_manifests/{job_run_id}/quality_report.json"


def curation_report_key(job_run_id: str) -> str:
    """Return the key of the curation report, the last object that a Glue run writes."""
    return f"curated/_manifests/{job_run_id}/curation_report.json"


def load_record_key(load_number: int) -> str:
    """Return the key of the record of a committed load or removal. The keys' order is the order of the loads."""
    return f"{LOAD_RECORDS}{load_number:012d}.json"


def receipt_key(question: str, digest: str) -> str:
    """Return the key of a receipt.

    Args:
        question: The question as a path, which has letters, digits and ``._-=/`` only.
        digest: Hex digest of the answer.
    """
    return f"receipts/{DATASET}/{question}/receipt-{digest[:16]}.json"


def s3_uri(bucket: str, key: str) -> str:
    """Return the s3:// URI of an object."""
    return f"s3://{bucket}/{key}"


def split_s3_uri(uri: str) -> tuple[str, str]:
    """Return the bucket and the key of an s3:// URI.

    Raises:
        ValueError: It is not the URI of an object.
    """
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    if not uri.startswith("s3://") or not bucket or not key:
        raise ValueError(f"{uri!r} is not the s3:// URI of an object")
    return bucket, key


def _raw_window_prefix(source: str, window: Window) -> str:
    return f"raw/{DATASET}/source={source}/{_day_folder(window.start)}window={window.name}/"


def _day_folder(day: date) -> str:
    return f"year={day:%Y}/month={day:%m}/day={day:%d}/"
