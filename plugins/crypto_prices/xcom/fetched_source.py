"""The result of ``fetch_prices`` for one source, as XCom carries it to the tasks after it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class FetchedSource:
    """What ``fetch_prices`` got from one source, as it goes from task to task.

    Attributes:
        source: Name of the source.
        candle_interval: Length of a candle.
        raw_manifest: URI of the raw manifest.
        content_hash: SHA-256 over what was asked and answered (see ``RawManifest.content_hash``).
        records: Number of records fetched, without what the answers have of other times.
        markets: Canonical markets that were asked for, such as ``BTC/USDT``: the scope that a load replaces.
        gaps: Exchange symbols without a candle in the window.
        incomplete: Exchange symbols with fewer candles than the window has intervals, and how many they have.
        fetched_at: When the fetch ended (ISO 8601 UTC): what was fetched last wins. None in the result of a run from
            before this was kept, which counts as fetched before all others.
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
