"""The raw manifest: the commit point of a fetch. Airflow writes it and the Glue job reads it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, TypeVar

from crypto_prices_contract import s3_keys
from crypto_prices_contract.markets import Market
from crypto_prices_contract.stored_objects import StoredObject
from crypto_prices_contract.window import Window, WindowError

MANIFEST_VERSION = 3

_Part = TypeVar("_Part", Market, "RawObject", "RawListing")


class RawManifestError(ValueError):
    """A document is not a usable raw manifest. The message names the manifest and the problem."""


@dataclass(frozen=True)
class RawObject:
    """One response in the raw zone.

    Attributes:
        uri: s3:// URI of the gzipped body.
        exchange_symbol: The exchange's name for the requested market.
        symbol: Canonical base asset.
        quote_currency: Currency of the prices.
        url: URL of the request, with secrets redacted.
        status: HTTP status.
        fetched_at: When the response arrived, ISO 8601 UTC.
        sha256: Hex digest of the uncompressed body.
        body_bytes: Length of the uncompressed body.
        records: Number of records in the body.
        surplus: Number of those records whose time is outside the window. They do not count as fetched.
        requested_from: Earliest opening time of the requested candles, ISO 8601 UTC.
        requested_until: All of them open before this time, ISO 8601 UTC.
        etag: S3's entity tag of the gzipped body, without quotes.
        version_id: S3's version id; None if the bucket had no versioning.
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
    requested_from: str
    requested_until: str
    etag: str | None
    version_id: str | None

    @property
    def stored(self) -> StoredObject:
        """The object in S3."""
        return StoredObject(self.uri, self.version_id, self.etag)


@dataclass(frozen=True)
class RawListing:
    """One response in the raw zone in which the source states base and quote of its markets. It has no candles.

    Attributes:
        uri: s3:// URI of the gzipped body.
        url: URL of the request, with secrets redacted.
        status: HTTP status.
        fetched_at: When the response arrived, ISO 8601 UTC.
        sha256: Hex digest of the uncompressed body.
        body_bytes: Length of the uncompressed body.
        etag: S3's entity tag of the gzipped body, without quotes.
        version_id: S3's version id; None if the bucket had no versioning.
    """

    uri: str
    url: str
    status: int
    fetched_at: str
    sha256: str
    body_bytes: int
    etag: str | None
    version_id: str | None

    @property
    def stored(self) -> StoredObject:
        """The object in S3."""
        return StoredObject(self.uri, self.version_id, self.etag)


@dataclass(frozen=True)
class RawManifest:
    """One fetch of one source: the requested markets and the responses.

    Attributes:
        uri: s3:// URI of the manifest.
        source: Name of the source.
        window: The requested window.
        candle_interval: Length of a candle, such as ``1h``.
        attempt: Id of the attempt.
        expected_records: Number of candles that an uninterrupted market has in the window.
        markets: Every requested market, in order.
        objects: Every response, by market and in the order of its requests.
        written_at: When the manifest was written, after the last response arrived, ISO 8601 UTC.
        listings: The responses that state base and quote of the markets. None if the symbols or the settings name them.
    """

    uri: str
    source: str
    window: Window
    candle_interval: str
    attempt: str
    expected_records: int
    markets: tuple[Market, ...]
    objects: tuple[RawObject, ...]
    written_at: str
    listings: tuple[RawListing, ...] = ()

    @property
    def answers(self) -> list[RawObject]:
        """The responses that count. One without records is requested once more, and then the second one counts."""
        return list({(obj.exchange_symbol, obj.requested_from): obj for obj in self.objects}.values())

    @property
    def stored(self) -> tuple[StoredObject, ...]:
        """Every object that the manifest lists: the responses with candles, then the listings."""
        return (*(obj.stored for obj in self.objects), *(listing.stored for listing in self.listings))

    @property
    def records(self) -> int:
        """Number of records fetched: those in all responses, without the surplus."""
        return sum(obj.records - obj.surplus for obj in self.objects)

    @property
    def records_by_market(self) -> dict[str, int]:
        """Number of records fetched of each requested exchange symbol."""
        records = {market.exchange_symbol: 0 for market in self.markets}
        for obj in self.objects:
            records[obj.exchange_symbol] += obj.records - obj.surplus
        return records

    @property
    def gaps(self) -> list[str]:
        """Exchange symbols without a candle in the window."""
        return [symbol for symbol, records in self.records_by_market.items() if not records]

    @property
    def incomplete(self) -> dict[str, int]:
        """Exchange symbols with fewer candles than the window has intervals, and their number of candles."""
        return {
            symbol: records for symbol, records in self.records_by_market.items() if 0 < records < self.expected_records
        }

    @property
    def content_hash(self) -> str:
        """SHA-256 of the requested markets, their names, and the responses.

        Times, object keys, listings, the API's address and responses that do not count (see ``answers``) are not
        included, so fetching the same candles again gives the same hash.
        """
        content = {
            "source": self.source,
            "window": self.window.name,
            "candle_interval": self.candle_interval,
            "markets": sorted((market.exchange_symbol, market.name) for market in self.markets),
            "bodies": sorted((obj.exchange_symbol, obj.sha256) for obj in self.answers),
        }
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    def to_json(self) -> dict[str, Any]:
        """Return the manifest as a JSON document."""
        records = self.records_by_market
        return {
            "manifest_version": MANIFEST_VERSION,
            "dataset": s3_keys.DATASET,
            "source": self.source,
            "window": self.window.as_json(),
            "candle_interval": self.candle_interval,
            "attempt": self.attempt,
            "written_at": self.written_at,
            "content_hash": self.content_hash,
            "records": self.records,
            "surplus": sum(obj.surplus for obj in self.objects),
            "expected_records_per_market": self.expected_records,
            "objects": [asdict(obj) for obj in self.objects],
            "listings": [asdict(listing) for listing in self.listings],
            "symbols": [
                {
                    **asdict(market),
                    "records": records[market.exchange_symbol],
                    "outcome": _outcome(records[market.exchange_symbol], self.expected_records),
                }
                for market in self.markets
            ],
        }

    @classmethod
    def from_json(cls, uri: str, document: Mapping[str, Any]) -> RawManifest:
        """Return the manifest in a JSON document.

        Args:
            uri: s3:// URI of the document.
            document: A document from ``to_json``.

        Raises:
            RawManifestError: A key is missing or wrong, or the document contradicts itself.
        """
        if document.get("manifest_version") != MANIFEST_VERSION or document.get("dataset") != s3_keys.DATASET:
            raise RawManifestError(f"{uri} is not a version {MANIFEST_VERSION} raw manifest of {s3_keys.DATASET}")
        try:
            manifest = cls(
                uri=uri,
                source=_text(document, "source"),
                window=Window.parse(document["window"]["start"], document["window"]["end"]),
                candle_interval=_text(document, "candle_interval"),
                attempt=_text(document, "attempt"),
                expected_records=_count(document, "expected_records_per_market"),
                markets=tuple(_part(Market, market) for market in document["symbols"]),
                objects=tuple(_part(RawObject, obj) for obj in document["objects"]),
                written_at=_text(document, "written_at"),
                listings=tuple(_part(RawListing, listing) for listing in document["listings"]),
            )
            total = _count(document, "records")
        except (KeyError, TypeError, WindowError) as error:
            raise RawManifestError(f"{uri} is not a complete raw manifest: {error!r}") from error
        listed = {market.exchange_symbol: market for market in manifest.markets}
        unlisted = {
            obj.exchange_symbol
            for obj in manifest.objects
            if listed.get(obj.exchange_symbol) != Market(obj.exchange_symbol, obj.symbol, obj.quote_currency)
        }
        if unlisted:
            raise RawManifestError(f"{uri} has objects of markets that it does not list: {sorted(unlisted)}")
        if total != manifest.records:
            raise RawManifestError(f"{uri} counts {total} records, but its objects have {manifest.records}")
        return manifest


def _part(kind: type[_Part], document: Mapping[str, Any]) -> _Part:
    read = {"int": _count, "str": _text, "str | None": _optional_text}
    values: dict[str, Any] = {field.name: read[str(field.type)](document, field.name) for field in fields(kind)}
    return kind(**values)


def _text(document: Mapping[str, Any], key: str) -> str:
    value = document[key]
    if not isinstance(value, str):
        raise TypeError(f"{key} is {value!r}, not a text")
    return value


def _optional_text(document: Mapping[str, Any], key: str) -> str | None:
    return None if document[key] is None else _text(document, key)


def _count(document: Mapping[str, Any], key: str) -> int:
    value = document[key]
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{key} is {value!r}, not a whole number")
    return value


def _outcome(records: int, expected: int) -> Literal["candles", "missing_candles", "no_candles"]:
    if not records:
        return "no_candles"
    return "candles" if records >= expected else "missing_candles"
