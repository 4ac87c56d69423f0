"""S3 with a raw zone, and a catalog, for tests of the Glue job."""

from __future__ import annotations

import gzip
import hashlib
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from crypto_prices_contract import s3_keys
from crypto_prices_contract.markets import Market
from crypto_prices_contract.raw_manifest import RawManifest, RawObject
from crypto_prices_contract.stored_objects import stored_document, stored_object
from crypto_prices_contract.window import Window

BUCKET = "crypto-prices-lake"
HOUR_MS = 3_600_000
DAY_START_MS = 1_702_857_600_000  # 2023-12-18T00:00:00Z


def market_of(symbol: str) -> Market:
    return Market(symbol, symbol.removesuffix("USDT"), "USDT")


@dataclass
class Lake:
    """An S3 and a catalog with the curated table, and methods that fill and read them."""

    s3: Any
    glue: Any
    endpoint_url: str
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def raw(
        self,
        bodies: Mapping[str, str | Sequence[str]],
        *,
        source: str = "binance",
        window: tuple[str, str] = ("2023-12-18", "2023-12-19"),
        records: int | Sequence[int] | None = None,
        surplus: int = 0,
        sha256: str | None = None,
        fetched_at: str = "2023-12-19T00:05:01.123456Z",
    ) -> str:
        """Put a fetch into the raw zone, one or more bodies per exchange symbol, and return the URI of its manifest.

        ``records`` is the number of records in every body, or a sequence with one number per body.
        """
        prefix = f"raw/crypto_prices/source={source}/attempt=t{next(self._numbers)}"
        objects = []
        pages = [
            (market_of(symbol), number, body)
            for symbol, of_symbol in bodies.items()
            for number, body in enumerate([of_symbol] if isinstance(of_symbol, str) else of_symbol, 1)
        ]
        for place, (market, number, body) in enumerate(pages):
            key = s3_keys.raw_object_key(f"{prefix}/", market.exchange_symbol, number)
            count = records[place] if isinstance(records, Sequence) else records
            answer = self.s3.put_object(Bucket=BUCKET, Key=key, Body=gzip.compress(body.encode()))
            objects.append(
                RawObject(
                    **asdict(stored_object(f"s3://{BUCKET}/{key}", answer)),
                    **asdict(market),
                    url="https://exchange.test/klines",
                    status=200,
                    fetched_at=fetched_at,
                    sha256=sha256 or hashlib.sha256(body.encode()).hexdigest(),
                    body_bytes=len(body.encode()),
                    records=len(json.loads(body)) if count is None else count,
                    surplus=surplus,
                    requested_from=f"{window[0]}T00:00:{number:02d}.000Z",
                    requested_until=f"{window[1]}T00:00:00.000Z",
                )
            )
        manifest = RawManifest(
            uri=f"s3://{BUCKET}/{prefix}/manifest.json",
            source=source,
            window=Window.parse(*window),
            candle_interval="1h",
            attempt=prefix.rpartition("=")[2],
            expected_records=24,
            markets=tuple(market_of(symbol) for symbol in bodies),
            objects=tuple(objects),
            written_at=fetched_at,
        )
        body = json.dumps(manifest.to_json()).encode()
        self.s3.put_object(Bucket=BUCKET, Key=f"{prefix}/manifest.json", Body=body)
        return manifest.uri

    def keys(self, prefix: str) -> list[str]:
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
        return [item["Key"] for page in pages for item in page.get("Contents", [])]

    def stored(self, key: str) -> dict[str, Any]:
        """Return the object as documents describe it."""
        answer = self.s3.get_object(Bucket=BUCKET, Key=key)
        return asdict(stored_document(f"s3://{BUCKET}/{key}", answer, answer["Body"].read()))

    def body(self, uri_or_key: str) -> bytes:
        key = uri_or_key.removeprefix(f"s3://{BUCKET}/")
        return self.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
