"""Raw objects with generated candles on the local disk, as a fetch from Binance leaves them in the raw zone."""

from __future__ import annotations

import gzip
import hashlib
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from crypto_prices_contract.markets import Market
from crypto_prices_contract.raw_manifest import RawManifest, RawObject
from crypto_prices_contract.window import Window

FIRST_DAY = date(2021, 1, 1)
MANIFEST = "manifest.json"

_MINUTES = {"1m": 1, "1h": 60}
_FETCHED_AT = "2024-01-01T00:05:01.123456Z"


@dataclass(frozen=True)
class Candles:
    """A number of generated candles.

    Attributes:
        markets: Number of markets.
        days: Number of days.
        records_per_body: Number of candles in a response.
        candle_interval: "1m" or "1h".
    """

    markets: int
    days: int
    records_per_body: int
    candle_interval: str = "1h"

    @property
    def records_per_market(self) -> int:
        """Number of candles of each market."""
        return self.days * 1440 // _MINUTES[self.candle_interval]

    @property
    def records(self) -> int:
        """Number of candles."""
        return self.markets * self.records_per_market

    @property
    def bodies(self) -> int:
        """Number of responses."""
        return self.markets * -(-self.records_per_market // self.records_per_body)

    @property
    def window(self) -> Window:
        """The days."""
        return Window(FIRST_DAY, FIRST_DAY + timedelta(days=self.days))


def write_raw_objects(candles: Candles, folder: Path) -> None:
    """Write the responses and their manifest into a new folder."""
    folder.mkdir(parents=True)
    markets = [Market(f"M{number:05d}USDT", f"M{number:05d}", "USDT") for number in range(candles.markets)]
    objects = [raw_object for market in markets for raw_object in _written(candles, market, folder)]
    manifest = RawManifest(
        uri=(folder / MANIFEST).as_uri(),
        source="binance",
        window=candles.window,
        candle_interval=candles.candle_interval,
        attempt=folder.name,
        expected_records=candles.records_per_market,
        markets=tuple(markets),
        objects=tuple(objects),
        written_at=_FETCHED_AT,
    )
    (folder / MANIFEST).write_text(json.dumps(manifest.to_json()))


def _written(candles: Candles, market: Market, folder: Path) -> Iterator[RawObject]:
    rows = list(_rows(candles, market))
    size = candles.records_per_body
    for page, first in enumerate(range(0, len(rows), size), 1):
        of_page = rows[first : first + size]
        body = f"[{','.join(of_page)}]".encode()
        path = folder / f"{market.exchange_symbol}-{page:04d}.json.gz"
        path.write_bytes(gzip.compress(body, compresslevel=6, mtime=0))
        yield RawObject(
            uri=f"file:{path}",  # as Spark spells the path of a local file
            exchange_symbol=market.exchange_symbol,
            symbol=market.symbol,
            quote_currency=market.quote_currency,
            url="https://api.exchange.test/api/v3/klines",
            status=200,
            fetched_at=_FETCHED_AT,
            sha256=hashlib.sha256(body).hexdigest(),
            body_bytes=len(body),
            records=len(of_page),
            surplus=0,
            requested_from=f"{candles.window.start}T00:00:00.000Z",
            requested_until=f"{candles.window.end}T00:00:00.000Z",
            etag=None,
            version_id=None,
        )


def _rows(candles: Candles, market: Market) -> Iterator[str]:
    """Yield a random walk with the digits of Binance's responses. A market has the same one in every run."""
    rng = random.Random(market.exchange_symbol)  # noqa: S311 - no secret
    length_ms = _MINUTES[candles.candle_interval] * 60_000
    price = rng.randrange(10**6, 10**13)  # in units of the eighth decimal
    for number in range(candles.records_per_market):
        opened = candles.window.start_ms + number * length_ms
        step = price // 500
        close = price + rng.randrange(-step, step)
        high, low = max(price, close) + rng.randrange(step), min(price, close) - rng.randrange(step)
        volumes = (_eight_decimals(rng.randrange(10**6, 10**12)) for _ in range(4))
        base, quote, taker_base, taker_quote = volumes
        yield (
            f'[{opened},"{_eight_decimals(price)}","{_eight_decimals(high)}","{_eight_decimals(low)}",'
            f'"{_eight_decimals(close)}","{base}",{opened + length_ms - 1},"{quote}",{rng.randrange(10_000)},'
            f'"{taker_base}","{taker_quote}","0"]'
        )
        price = close


def _eight_decimals(units: int) -> str:
    return f"{units // 10**8}.{units % 10**8:08d}"
