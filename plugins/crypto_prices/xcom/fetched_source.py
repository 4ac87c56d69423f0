"""The result of ``fetch_prices`` for one source, which later tasks read from XCom."""

from __future__ import annotations

from dataclasses import dataclass, field

from crypto_prices.market_sets import market_set_name


@dataclass(frozen=True)
class EmptyRange:
    """Consecutive candles whose requests had an empty response twice.

    Attributes:
        observed_at: Opening time of the first candle, UTC, such as ``2023-12-18 05:00:00``.
        candles: Number of candles.
        markets: Canonical names of the markets, such as ``BTC/USDT``, in order. An empty list stands for all markets.
    """

    observed_at: str
    candles: int
    markets: list[str]


@dataclass(frozen=True)
class FetchedSource:
    """The result of ``fetch_prices`` for one source.

    Attributes:
        source: Name of the source.
        candle_interval: Length of a candle, such as ``1h``.
        raw_manifest: S3 URI of the raw manifest.
        content_hash: SHA-256 of the requests and responses (see ``RawManifest.content_hash``).
        records: Number of records fetched, without records outside the window.
        markets: Canonical markets that were requested, such as ``BTC/USDT``. A load replaces exactly these.
        gaps: Exchange symbols without a candle in the window.
        incomplete: Exchange symbols with fewer candles than the window has intervals, and their number of candles.
        fetched_at: When the fetch ended (ISO 8601 UTC). The latest fetch wins. None counts as earlier than all others.
        empty_ranges: Candles whose requests had an empty response twice (see ``fetch.empty_ranges``).
    """

    source: str
    candle_interval: str
    raw_manifest: str
    content_hash: str
    records: int
    markets: list[str]
    gaps: list[str]
    incomplete: dict[str, int]
    fetched_at: str | None = None
    empty_ranges: list[EmptyRange] = field(default_factory=list)

    @property
    def market_set(self) -> str:
        """Name of the set of ``markets`` in ``crypto.market_sets``."""
        return market_set_name(self.markets)
