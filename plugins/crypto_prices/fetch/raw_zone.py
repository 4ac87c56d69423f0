"""The raw zone: verbatim responses, one object each, and the manifest that commits a fetch.

Objects are written first. The manifest is written last, in one put. If a fetch dies before that, its objects are never
read. Every attempt has its own key prefix, and no put replaces an object (``If-None-Match: *``).
"""

from __future__ import annotations

import gzip
import hashlib
import json
import logging
import threading
import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from crypto_prices_contract import s3_keys
from crypto_prices_contract.raw_manifest import RawListing, RawManifest, RawManifestError, RawObject
from crypto_prices_contract.stored_objects import StoredObject, stored_object

if TYPE_CHECKING:
    from crypto_prices_contract.markets import Market
    from crypto_prices_contract.window import Window

    from crypto_prices.fetch.http_client import Response
    from crypto_prices.fetch.sources.base import Page

log = logging.getLogger(__name__)


class RawZone:
    """Writes one fetch attempt to the raw zone. Safe to use from several threads, one per market.

    Args:
        s3_client: A boto3 S3 client.
        bucket: Bucket of the lake.
        source: Name of the source.
        window: The window of the fetch.
        candle_interval: Length of a candle, such as ``1h``.
        attempt: Unique id of this attempt.
        markets: All requested markets. A market without candles is recorded as a gap.
        expected_records: Number of candles that an uninterrupted market has in the window.
        listings: The stored responses that state base and quote of the markets.
    """

    def __init__(
        self,
        *,
        s3_client: Any,
        bucket: str,
        source: str,
        window: Window,
        candle_interval: str,
        attempt: str,
        markets: Sequence[Market],
        expected_records: int,
        listings: Sequence[RawListing] = (),
    ) -> None:
        self._s3 = s3_client
        self._bucket = bucket
        self._source = source
        self._window = window
        self._candle_interval = candle_interval
        self._attempt = attempt
        self._expected_records = expected_records
        self._prefix = s3_keys.raw_attempt_prefix(source, window, attempt)
        self._markets = tuple(markets)
        self._listings = tuple(listings)
        self._objects: defaultdict[str, list[RawObject]] = defaultdict(list)
        self._lock = threading.Lock()

    @property
    def prefix_uri(self) -> str:
        """S3 URI of the prefix of this attempt's objects."""
        return s3_keys.s3_uri(self._bucket, self._prefix)

    def put_page(self, market: Market, page: Page) -> RawObject:
        """Write one response verbatim.

        Args:
            market: The requested market. Its pages must be put in order.
            page: The response.
        """
        with self._lock:
            number = 1 + len(self._objects[market.exchange_symbol])
        key = s3_keys.raw_object_key(self._prefix, market.exchange_symbol, number)
        body = page.response.body
        stored = self._put(key, _packed(body), "application/gzip")
        raw_object = RawObject(
            **asdict(stored),
            **asdict(market),
            url=page.response.url,
            status=page.response.status,
            fetched_at=_iso(page.response.fetched_at),
            sha256=hashlib.sha256(body).hexdigest(),
            body_bytes=len(body),
            records=page.records,
            surplus=page.surplus,
            requested_from=_iso(page.first),
            requested_until=_iso(page.end),
        )
        with self._lock:
            self._objects[market.exchange_symbol].append(raw_object)
        return raw_object

    def commit(self, written_at: datetime) -> RawManifest:
        """Write the manifest, which commits the fetch, and return it."""
        key = s3_keys.raw_manifest_key(self._prefix)
        manifest = RawManifest(
            uri=s3_keys.s3_uri(self._bucket, key),
            source=self._source,
            window=self._window,
            candle_interval=self._candle_interval,
            attempt=self._attempt,
            expected_records=self._expected_records,
            markets=self._markets,
            objects=tuple(obj for market in self._markets for obj in self._objects[market.exchange_symbol]),
            written_at=_iso(written_at),
            listings=self._listings,
        )
        self._put(key, json.dumps(manifest.to_json(), indent=1).encode(), "application/json")
        return manifest

    def _put(self, key: str, body: bytes, content_type: str) -> StoredObject:
        return _put(self._s3, self._bucket, key, body, content_type)


def put_listings(
    s3_client: Any, *, bucket: str, source: str, window: Window, attempt: str, responses: Iterable[Response]
) -> list[RawListing]:
    """Write the responses in which a source describes its markets verbatim, and return what a manifest lists of them.

    Args:
        s3_client: A boto3 S3 client.
        bucket: Bucket of the lake.
        source: Name of the source.
        window: The window for which the source was asked.
        attempt: Unique id of the attempt to ask it.
        responses: The responses, in order.
    """
    listings = []
    for page, response in enumerate(responses, 1):
        key = s3_keys.raw_listing_key(source, window, attempt, page)
        stored = _put(s3_client, bucket, key, _packed(response.body), "application/gzip")
        listings.append(
            RawListing(
                **asdict(stored),
                url=response.url,
                status=response.status,
                fetched_at=_iso(response.fetched_at),
                sha256=hashlib.sha256(response.body).hexdigest(),
                body_bytes=len(response.body),
            )
        )
    return listings


def new_attempt() -> str:
    """Return a unique id for an attempt, which begins with the current time."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{uuid.uuid4().hex[:12]}"


def is_whole(s3_client: Any, manifest_uri: str) -> bool:
    """Return whether a raw manifest and everything that it lists exist, and the Glue job can read the manifest.

    Args:
        s3_client: A boto3 S3 client.
        manifest_uri: S3 URI of the manifest.
    """
    bucket, key = s3_keys.split_s3_uri(manifest_uri)
    there = _uris(s3_client, bucket, key.rpartition("/")[0] + "/")
    if manifest_uri not in there:
        return False
    document = json.loads(s3_client.get_object(Bucket=bucket, Key=key)["Body"].read())
    try:
        manifest = RawManifest.from_json(manifest_uri, document)
    except RawManifestError as error:
        log.warning("%s", error)
        return False
    # Listings are in a prefix of their own. They have few objects.
    listings = {listing.uri for listing in manifest.listings}
    for uri in listings:
        there |= _uris(s3_client, *s3_keys.split_s3_uri(uri))
    return {obj.uri for obj in manifest.objects} | listings <= there


def _uris(s3_client: Any, bucket: str, prefix: str) -> set[str]:
    pages = s3_client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return {s3_keys.s3_uri(bucket, item["Key"]) for page in pages for item in page.get("Contents", [])}


def _packed(body: bytes) -> bytes:
    # With mtime=0, the same body always produces the same object. It is stored without Content-Encoding, so no reader
    # unpacks it unasked, and every reader gets the bytes that the name promises.
    return gzip.compress(body, mtime=0)


def _put(s3_client: Any, bucket: str, key: str, body: bytes, content_type: str) -> StoredObject:
    answer = s3_client.put_object(Bucket=bucket, Key=key, Body=body, ContentType=content_type, IfNoneMatch="*")
    return stored_object(s3_keys.s3_uri(bucket, key), answer)


def _iso(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
