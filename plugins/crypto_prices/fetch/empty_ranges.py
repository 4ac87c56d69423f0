"""The candles whose requests had an empty response twice. The warehouse notes them, so that the audit asks again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime

from crypto_prices_contract.candle_ranges import Span, fitting, joined
from crypto_prices_contract.raw_manifest import RawManifest

from crypto_prices.xcom.fetched_source import EmptyRange

MOST_BYTES = 5000
"""Maximum size of a source's ranges in a statement for the warehouse."""


def empty_ranges(manifest: RawManifest) -> list[EmptyRange]:
    """Return the candles whose requests had empty responses, without whole days, which the warehouse recognizes.

    Args:
        manifest: The manifest of a fetch.
    """
    starts_at, total = manifest.window.starts_at, manifest.expected_records
    interval = (manifest.window.ends_at - starts_at) / total

    def number(time: str) -> int:
        """Return the number of the first candle that opens at a time or later. The window's first candle is 0."""
        return min(max(-(-(datetime.fromisoformat(time) - starts_at) // interval), 0), total)

    of_market: dict[str, list[Span]] = defaultdict(list)
    for obj in manifest.answers:
        if not obj.records:
            span = number(obj.requested_from), number(obj.requested_until)
            of_market[f"{obj.symbol}/{obj.quote_currency}"].append(span)
    markets: dict[Span, list[str]] = defaultdict(list)
    for market, spans in of_market.items():
        for span in _parts_of_days(joined(spans), total // len(manifest.window.days())):
            markets[span].append(market)
    return [
        EmptyRange(
            observed_at=f"{starts_at + start * interval:%Y-%m-%d %H:%M:%S}",
            candles=end - start,
            markets=names,
        )
        for (start, end), names in fitting(markets, (0, total), MOST_BYTES).items()
    ]


def _parts_of_days(spans: Iterable[Span], a_day: int) -> Iterator[Span]:
    """Yield the parts of the spans that are shorter than a day, split at midnight."""
    for span_start, end in spans:
        start = span_start
        while start < end:
            until = min(end, (start // a_day + 1) * a_day)
            if until - start < a_day:
                yield start, until
            start = until
