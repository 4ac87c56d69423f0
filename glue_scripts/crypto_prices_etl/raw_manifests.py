"""Raw manifests: the commit points of fetches, which list exactly the raw objects that a run may read."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from crypto_prices_contract.raw_manifest import RawManifest, RawManifestError
from crypto_prices_contract.s3_keys import split_s3_uri

from crypto_prices_etl.errors import CurationError
from crypto_prices_etl.schemas import CURATED_COLUMNS, Varchar

if TYPE_CHECKING:
    from crypto_prices_contract.window import Window
    from mypy_boto3_s3 import S3Client

# Spark expands globs in paths and percent-encodes other characters in `_metadata.file_path`. Keys with these characters
# only are not changed, so the path that Spark reports can be compared with the manifest's.
_PLAIN_URI = re.compile(r"s3://[a-z0-9.-]+(/[A-Za-z0-9._=+~-]+)+")


def read_raw_manifests(s3: S3Client, uris: Iterable[str], window: Window) -> list[RawManifest]:
    """Read the manifests and check that they belong to this run.

    Args:
        s3: An S3 client.
        uris: s3:// URIs of the manifests.
        window: The window that every manifest must have.

    Raises:
        CurationError: A manifest has a different window or version, or contradicts itself, or two list the same object.
    """
    manifests = [parse_raw_manifest(uri, _read_json(s3, uri), window) for uri in uris]
    seen: set[str] = set()
    for manifest in manifests:
        for raw_object in manifest.objects:
            if raw_object.uri in seen:
                raise CurationError(f"{raw_object.uri} is listed twice in the raw manifests: fetch the window again")
            seen.add(raw_object.uri)
    return manifests


def parse_raw_manifest(uri: str, content: dict[str, Any], window: Window) -> RawManifest:
    """Return the manifest in ``content``.

    Raises:
        CurationError: This run cannot curate it. The message names the manifest and the problem.
    """
    try:
        manifest = RawManifest.from_json(uri, content)
    except RawManifestError as error:
        raise CurationError(str(error)) from error
    if manifest.window != window:
        raise CurationError(f"{uri} has the window {manifest.window.as_json()}, but the run has {window.as_json()}")
    _check_fits("source", manifest.source)
    _check_fits("candle_interval", manifest.candle_interval)
    for market in manifest.markets:
        _check_fits("symbol", market.symbol)
        _check_fits("quote_currency", market.quote_currency)
    for raw_object in manifest.objects:
        _check_plain(raw_object.uri)
    return manifest


def _read_json(s3: S3Client, uri: str) -> dict[str, Any]:
    try:
        bucket, key = split_s3_uri(uri)
        body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    except s3.exceptions.NoSuchKey as error:
        raise CurationError(f"the raw manifest {uri} does not exist: fetch the window again") from error
    except ValueError as error:
        raise CurationError(f"raw_manifests: {error}") from error
    try:
        content = json.loads(body)
    except ValueError as error:
        raise CurationError(f"{uri} is not JSON: {error}") from error
    if not isinstance(content, dict):
        raise CurationError(f"{uri} is not a JSON object")
    return content


def _check_plain(uri: str) -> None:
    if not _PLAIN_URI.fullmatch(uri):
        raise CurationError(
            f"raw object {uri!r} has characters that Spark would change: use only A-Z a-z 0-9 . _ = + ~ -"
        )
    _check_fits("raw_object", uri)


def _check_fits(column: str, text: str) -> None:
    """Reject a value that is too long for its column. Redshift's COPY would reject it only at the end of the load."""
    longest = next(c.type.max_bytes for c in CURATED_COLUMNS if c.name == column and isinstance(c.type, Varchar))
    if not 0 < len(text.encode()) <= longest:
        raise CurationError(f"{column} {text!r} must have 1 to {longest} bytes")
