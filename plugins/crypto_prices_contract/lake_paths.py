"""Where everything lies in the lake's bucket. The one place that knows the keys on the Airflow side."""

from __future__ import annotations

from crypto_prices_contract.window import Window

DATASET = "crypto_prices"


def raw_attempt_prefix(source: str, window: Window, attempt: str) -> str:
    """Return the key prefix of all objects of one fetch attempt, ending in a slash.

    Args:
        source: Name of the source, such as ``binance``.
        window: What was asked for; its first day is the partition.
        attempt: Id of the attempt. Each attempt has its own, so attempts never overwrite each other.
    """
    day = window.start
    return (
        f"raw/{DATASET}/source={source}/year={day:%Y}/month={day:%m}/day={day:%d}/"
        f"window={window.name}/attempt={attempt}/"
    )


def raw_object_key(attempt_prefix: str, exchange_symbol: str, page: int) -> str:
    """Return the key of one verbatim response; pages count from 1."""
    return f"{attempt_prefix}{exchange_symbol}-{page:04d}.json.gz"


def raw_manifest_key(attempt_prefix: str) -> str:
    """Return the key of the raw manifest, the commit point of an attempt."""
    return f"{attempt_prefix}manifest.json"


def curation_report_key(job_run_id: str) -> str:
    """Return the key of the report that the Glue job writes last (glue_scripts/crypto_prices_etl writes it there)."""
    return f"curated/_manifests/{job_run_id}/curation_report.json"


def s3_uri(bucket: str, key: str) -> str:
    """Return the s3:// URI of an object."""
    return f"s3://{bucket}/{key}"
