"""Ranges of missing candles with a known reason, made small enough for a statement for the warehouse.

Airflow knows the candles of empty responses, and the Glue job the rejected ones. The Data API accepts 100 KB per
statement:
https://docs.aws.amazon.com/redshift/latest/mgmt/data-api.html#data-api-calling-considerations
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

Span = tuple[int, int]
"""The number of the first candle, and the number after the last one."""

_BYTES_PER_RANGE = 200
_BYTES_PER_MARKET = 3
"""Sizes in a statement, beside the markets' names. A quotation mark in a name takes one more byte."""


def fitting(ranges: Mapping[Span, Sequence[str]], whole: Span, most_bytes: int) -> dict[Span, list[str]]:
    """Return the markets of each range, in order. No market at all stands for every market of the source.

    Ranges that are too large for a statement become wider: first they stand for every market, and then one range stands
    for the whole window. Only missing candles get their reason from a range, so a wide one gives too many of them a
    reason that the audit requests again, but never too few.

    Args:
        ranges: The names of the markets that lack the candles of a range.
        whole: The window.
        most_bytes: Maximum size in the statement.
    """
    exact = {span: sorted(ranges[span]) for span in sorted(ranges)}
    if size_of(exact) <= most_bytes:
        return exact
    of_all: dict[Span, list[str]] = {span: [] for span in joined(exact)}
    return of_all if size_of(of_all) <= most_bytes else {whole: []}


def joined(spans: Iterable[Span]) -> Iterator[Span]:
    """Yield spans in order, with those that touch or overlap as one."""
    found: list[Span] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], max(end, found[-1][1])
        else:
            found.append((start, end))
    yield from found


def size_of(ranges: Mapping[Span, Sequence[str]]) -> int:
    """Return the size of ranges in a statement in bytes, or a little more."""
    return sum(_BYTES_PER_RANGE + sum(len(name) + _BYTES_PER_MARKET for name in names) for names in ranges.values())
