"""Raw manifests: the commit points of fetches, which name exactly the raw objects that a run may read."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from crypto_prices_etl.arguments import Window, parse_window
from crypto_prices_etl.errors import CurationError
from crypto_prices_etl.schemas import CURATED_COLUMNS, Varchar

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# Spark expands globs in paths and percent-encodes the rest in `_metadata.file_path`; keys of these characters stay
# themselves, so the path that Spark reports can be compared with the manifest's.
_PLAIN_URI = re.compile(r"s3://[a-z0-9.-]+(/[A-Za-z0-9._=+~-]+)+")


@dataclass(frozen=True)
class RawObject:
    """One verbatim answer of an exchange, as the raw manifest describes it.

    Attributes:
        uri: Its s3:// URI.
        sha256: Of the uncompressed body, hex.
        records: How many records the body holds.
        surplus: Those of them that are of times outside of the window and are not part of what was fetched.
        fetched_at: ISO time of the fetch, UTC.
        exchange_symbol: The exchange's name of the pair.
        symbol: The canonical base asset.
        quote_currency: The currency that the prices are in.
    """

    uri: str
    sha256: str
    records: int
    surplus: int
    fetched_at: str
    exchange_symbol: str
    symbol: str
    quote_currency: str


@dataclass(frozen=True)
class Market:
    """A market that was asked for, under its canonical name."""

    symbol: str
    quote_currency: str


@dataclass(frozen=True)
class RawManifest:
    """One fetch of a window from one source; ``records`` is what was fetched, without the surplus."""

    uri: str
    source: str
    candle_interval: str
    records: int
    markets: tuple[Market, ...]
    objects: tuple[RawObject, ...]


def read_raw_manifests(s3: S3Client, uris: Iterable[str], window: Window) -> list[RawManifest]:
    """Read the manifests and check that they are what this run was asked to curate.

    Args:
        s3: An S3 client.
        uris: s3:// URIs of the manifests.
        window: The window that every manifest must be of.

    Raises:
        CurationError: A manifest is of another window or version, contradicts itself, or two name the same object.
    """
    manifests = [parse_raw_manifest(uri, _read_json(s3, uri), window) for uri in uris]
    seen: set[str] = set()
    for manifest in manifests:
        for raw_object in manifest.objects:
            if raw_object.uri in seen:
                raise CurationError(f"{raw_object.uri} is named twice by the raw manifests")
            seen.add(raw_object.uri)
    return manifests


def parse_raw_manifest(uri: str, content: dict[str, Any], window: Window) -> RawManifest:
    """Return the manifest in ``content``.

    Raises:
        CurationError: It cannot be curated by this run; the message names the manifest and what is wrong.
    """
    try:
        if content["manifest_version"] != 1 or content["dataset"] != "crypto_prices":
            raise CurationError(f"{uri} is not a version 1 raw manifest of crypto_prices")
        if parse_window(content["window"]["start"], content["window"]["end"]) != window:
            raise CurationError(f"{uri} is of the window {content['window']}, the run of {window.as_json()}")
        manifest = RawManifest(
            uri=uri,
            source=_fitting("source", content["source"]),
            candle_interval=_fitting("candle_interval", content["candle_interval"]),
            records=content["records"],
            markets=tuple(
                Market(_fitting("symbol", m["symbol"]), _fitting("quote_currency", m["quote_currency"]))
                for m in content["symbols"]
            ),
            objects=tuple(
                RawObject(
                    uri=_plain(o["uri"]),
                    sha256=o["sha256"],
                    records=o["records"],
                    # A manifest from before sources with a surplus were known does not have it.
                    surplus=o.get("surplus", 0),
                    fetched_at=o["fetched_at"],
                    exchange_symbol=o["exchange_symbol"],
                    symbol=_fitting("symbol", o["symbol"]),
                    quote_currency=_fitting("quote_currency", o["quote_currency"]),
                )
                for o in content["objects"]
            ),
        )
    except (KeyError, TypeError) as error:
        raise CurationError(f"{uri} is not a complete raw manifest: {error!r}") from error
    unasked = {(o.symbol, o.quote_currency) for o in manifest.objects} - {
        (m.symbol, m.quote_currency) for m in manifest.markets
    }
    if unasked:
        raise CurationError(f"{uri} has objects of markets that it does not list: {sorted(unasked)}")
    total = sum(o.records - o.surplus for o in manifest.objects)
    if total != manifest.records:
        raise CurationError(f"{uri} says {manifest.records} records, its objects {total}")
    return manifest


def _read_json(s3: S3Client, uri: str) -> dict[str, Any]:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    if not uri.startswith("s3://") or not key:
        raise CurationError(f"a raw manifest is named by an s3:// URI, not {uri!r}")
    try:
        body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    except s3.exceptions.NoSuchKey as error:
        raise CurationError(f"the raw manifest {uri} does not exist: fetch the window again") from error
    try:
        content = json.loads(body)
    except ValueError as error:
        raise CurationError(f"{uri} is not JSON: {error}") from error
    if not isinstance(content, dict):
        raise CurationError(f"{uri} is not a JSON object")
    return content


def _plain(uri: str) -> str:
    if not _PLAIN_URI.fullmatch(uri):
        raise CurationError(
            f"raw object {uri!r} has characters that Spark would change; keep to A-Z a-z 0-9 . _ = + ~ -"
        )
    return _fitting("raw_object", uri)


def _fitting(column: str, text: str) -> str:
    """Refuse here what Redshift's COPY would refuse at the end."""
    longest = next(c.type.max_bytes for c in CURATED_COLUMNS if c.name == column and isinstance(c.type, Varchar))
    if not 0 < len(text.encode()) <= longest:
        raise CurationError(f"{column} must have 1 to {longest} bytes: {text!r}")
    return text
