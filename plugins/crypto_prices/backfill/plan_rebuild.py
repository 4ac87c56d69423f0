"""Reads the lake and the warehouse, and plans a rebuild."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from crypto_prices_contract import s3_keys
from crypto_prices_contract.load_record import LoadRecord
from crypto_prices_contract.raw_manifest import RawManifest, RawManifestError

from crypto_prices.aws.s3_objects import read_object
from crypto_prices.backfill.rebuild import (
    Rebuild,
    RebuildError,
    check_chain,
    check_warehouse,
    guesses,
    newest_manifests,
    rebuild_text,
    record_numbers,
)

log = logging.getLogger(__name__)


def plan_rebuild(s3_client: Any, bucket: str, logged: Sequence[Mapping[str, Any]]) -> tuple[Rebuild, str]:
    """Return the plan of a rebuild, and the plan as text.

    Only this plan lists prefixes: the warehouse, which has the exact names, is lost.

    Args:
        s3_client: A boto3 S3 client.
        bucket: Bucket of the lake.
        logged: Rows of ``sql/rebuild/find_logged_loads.sql``.

    Raises:
        RebuildError: The lake or the warehouse does not allow it.
    """
    numbers = record_numbers(_keys(s3_client, bucket, s3_keys.LOAD_RECORDS))
    records = check_chain([_content(s3_client, bucket, s3_keys.load_record_key(number)) for number in numbers])
    loaded = check_warehouse(logged, records)
    guessed = guesses(newest_manifests(_manifests(s3_client, bucket))) if _is_approximate(records) else []
    rebuild = Rebuild(len(records), guessed)
    if not records and not guessed:
        raise RebuildError(f"the lake {bucket} has neither load records nor raw manifests: nothing can be rebuilt")
    return rebuild, rebuild_text(records, loaded, rebuild)


def _is_approximate(records: Sequence[LoadRecord]) -> bool:
    """Return whether there are no records but those of an approximate rebuild, which may not be complete."""
    return all(record.rebuilt_from is not None for record in records)


def _manifests(s3_client: Any, bucket: str) -> Iterator[RawManifest]:
    for key in _keys(s3_client, bucket, f"raw/{s3_keys.DATASET}/"):
        if key.endswith("/manifest.json"):
            uri, content = _content(s3_client, bucket, key)
            try:
                yield RawManifest.from_json(uri, json.loads(content))
            except (RawManifestError, ValueError) as error:
                log.warning("A raw manifest cannot be loaded: %s", error)


def _keys(s3_client: Any, bucket: str, prefix: str) -> Iterator[str]:
    for page in s3_client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for item in page.get("Contents", []):
            yield item["Key"]


def _content(s3_client: Any, bucket: str, key: str) -> tuple[str, bytes]:
    uri = s3_keys.s3_uri(bucket, key)
    content, _ = read_object(s3_client, uri)
    if content is None:
        raise RebuildError(f"{uri} was deleted while the rebuild was planned: run the DAG again")
    return uri, content
