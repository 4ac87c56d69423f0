"""The raw zone: verbatim responses, one object each, and the manifest that makes a fetch visible.

Objects are written first and the manifest last, in one put. A fetch that dies before leaves objects that nothing ever
reads. Every attempt has a key prefix of its own, and no put replaces an object (``If-None-Match: *``).
"""

from __future__ import annotations

import gzip
import hashlib
import json
import threading
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from crypto_prices_contract import lake_paths

if TYPE_CHECKING:
    from crypto_prices_contract.window import Window

    from crypto_prices.fetch.markets import Market
    from crypto_prices.fetch.sources.base import Page

MANIFEST_VERSION = 1


@dataclass(frozen=True)
class RawObject:
    """One response in the raw zone.

    Attributes:
        uri: Where the gzipped body lies.
        exchange_symbol: The market that was asked for, in the exchange's words.
        symbol: Canonical base asset.
        quote_currency: Currency of the prices.
        url: The request, secrets redacted.
        status: HTTP status.
        fetched_at: When the response came, ISO 8601 UTC.
        sha256: Hex digest of the uncompressed body.
        body_bytes: Length of the uncompressed body.
        records: Number of records in the body.
        surplus: Those of them that are of times outside of the window (see ``Page.surplus``).
    """

    uri: str
    exchange_symbol: str
    symbol: str
    quote_currency: str
    url: str
    status: int
    fetched_at: str
    sha256: str
    body_bytes: int
    records: int
    surplus: int


@dataclass(frozen=True)
class RawManifest:
    """What one fetch of one source asked for and got: the commit point that later steps read.

    Attributes:
        uri: Where the manifest lies.
        source: Name of the source.
        window: What was asked for.
        candle_interval: Length of a candle, such as ``1h``.
        attempt: Id of the attempt.
        expected_records: Number of candles that a market without interruption has in the window.
        markets: Every market that was asked for, in order.
        objects: Every response, by market and in the order of its requests.
        written_at: When the last response was there and the manifest was written, ISO 8601 UTC.
    """

    uri: str
    source: str
    window: Window
    candle_interval: str
    attempt: str
    expected_records: int
    markets: Sequence[Market]
    objects: Sequence[RawObject]
    written_at: str

    @property
    def records(self) -> int:
        """Number of records fetched: those in all responses without the surplus."""
        return sum(obj.records - obj.surplus for obj in self.objects)

    @property
    def records_by_market(self) -> dict[str, int]:
        """Number of records fetched of each exchange symbol that was asked for."""
        records = {market.exchange_symbol: 0 for market in self.markets}
        for obj in self.objects:
            records[obj.exchange_symbol] += obj.records - obj.surplus
        return records

    @property
    def gaps(self) -> list[str]:
        """Exchange symbols that the exchange knows but has no candle of in the window."""
        return [symbol for symbol, records in self.records_by_market.items() if not records]

    @property
    def incomplete(self) -> dict[str, int]:
        """Exchange symbols with fewer candles than the window has intervals, and how many they have."""
        return {
            symbol: records for symbol, records in self.records_by_market.items() if 0 < records < self.expected_records
        }

    @property
    def content_hash(self) -> str:
        """SHA-256 over what was asked and what was answered.

        Times, object keys and the API's address are left out: fetching the same candles again gives the same hash.
        """
        content = {
            "source": self.source,
            "window": self.window.name,
            "candle_interval": self.candle_interval,
            "markets": sorted(market.exchange_symbol for market in self.markets),
            "bodies": sorted((obj.exchange_symbol, obj.sha256) for obj in self.objects),
        }
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    def document(self) -> dict[str, Any]:
        """Return the manifest as the JSON document that is written (read by glue_scripts/crypto_prices_etl)."""
        records = self.records_by_market
        return {
            "manifest_version": MANIFEST_VERSION,
            "dataset": lake_paths.DATASET,
            "source": self.source,
            "window": {"start": self.window.start.isoformat(), "end": self.window.end.isoformat()},
            "candle_interval": self.candle_interval,
            "attempt": self.attempt,
            "written_at": self.written_at,
            "content_hash": self.content_hash,
            "records": self.records,
            "surplus": sum(obj.surplus for obj in self.objects),
            "expected_records_per_market": self.expected_records,
            "objects": [asdict(obj) for obj in self.objects],
            "symbols": [
                {
                    **asdict(market),
                    "records": records[market.exchange_symbol],
                    "outcome": _outcome(records[market.exchange_symbol], self.expected_records),
                }
                for market in self.markets
            ],
        }


class RawZone:
    """Writes one fetch attempt into the raw zone. Safe to use from several threads, one for each market.

    Args:
        s3_client: A boto3 S3 client.
        bucket: Bucket of the lake.
        source: Name of the source.
        window: What is asked for.
        candle_interval: Length of a candle.
        attempt: Id of this attempt, different from every other attempt's.
        markets: Every market that is asked for; one without candles is recorded as a gap.
        expected_records: Number of candles that a market without interruption has in the window.
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
    ) -> None:
        self._s3 = s3_client
        self._bucket = bucket
        self._source = source
        self._window = window
        self._candle_interval = candle_interval
        self._attempt = attempt
        self._expected_records = expected_records
        self._prefix = lake_paths.raw_attempt_prefix(source, window, attempt)
        self._markets = tuple(markets)
        self._objects: defaultdict[str, list[RawObject]] = defaultdict(list)
        self._lock = threading.Lock()

    @property
    def prefix_uri(self) -> str:
        """The s3:// prefix of this attempt's objects."""
        return lake_paths.s3_uri(self._bucket, self._prefix)

    def put_page(self, market: Market, page: Page) -> RawObject:
        """Write one response, exactly as it came.

        Args:
            market: What was asked for; its pages are put in their order.
            page: The response.
        """
        with self._lock:
            number = 1 + len(self._objects[market.exchange_symbol])
        key = lake_paths.raw_object_key(self._prefix, market.exchange_symbol, number)
        body = page.response.body
        # mtime=0: the same body gives the same object, whenever it is written.
        self._put(key, gzip.compress(body, mtime=0), "application/json", ContentEncoding="gzip")
        raw_object = RawObject(
            uri=lake_paths.s3_uri(self._bucket, key),
            **asdict(market),
            url=page.response.url,
            status=page.response.status,
            fetched_at=_iso(page.response.fetched_at),
            sha256=hashlib.sha256(body).hexdigest(),
            body_bytes=len(body),
            records=page.records,
            surplus=page.surplus,
        )
        with self._lock:
            self._objects[market.exchange_symbol].append(raw_object)
        return raw_object

    def commit(self, written_at: datetime) -> RawManifest:
        """Write the manifest: from now on the fetch exists."""
        key = lake_paths.raw_manifest_key(self._prefix)
        manifest = RawManifest(
            uri=lake_paths.s3_uri(self._bucket, key),
            source=self._source,
            window=self._window,
            candle_interval=self._candle_interval,
            attempt=self._attempt,
            expected_records=self._expected_records,
            markets=self._markets,
            objects=tuple(obj for market in self._markets for obj in self._objects[market.exchange_symbol]),
            written_at=_iso(written_at),
        )
        self._put(key, json.dumps(manifest.document(), indent=1).encode(), "application/json")
        return manifest

    def _put(self, key: str, body: bytes, content_type: str, **extra: str) -> None:
        self._s3.put_object(Bucket=self._bucket, Key=key, Body=body, ContentType=content_type, IfNoneMatch="*", **extra)


def is_whole(s3_client: Any, manifest_uri: str) -> bool:
    """Whether a raw manifest is there, with every object that it names.

    Args:
        s3_client: A boto3 S3 client.
        manifest_uri: Where the manifest lies.
    """
    bucket, _, key = manifest_uri.removeprefix("s3://").partition("/")
    prefix = key.rpartition("/")[0] + "/"
    pages = s3_client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    there = {lake_paths.s3_uri(bucket, item["Key"]) for page in pages for item in page.get("Contents", [])}
    if manifest_uri not in there:
        return False
    document = json.loads(s3_client.get_object(Bucket=bucket, Key=key)["Body"].read())
    return {obj["uri"] for obj in document["objects"]} <= there


def _iso(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _outcome(records: int, expected: int) -> Literal["candles", "missing_candles", "no_candles"]:
    if not records:
        return "no_candles"
    return "candles" if records >= expected else "missing_candles"
