"""The coverage of each market: one letter per day, and the ranges of missing candles."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from crypto_prices_contract.window import Window

from crypto_prices.page.snapshot import Snapshot

COMPLETE, QUIET, PARTIAL, GAP, NOT_LISTED, UNFETCHED, OUTSIDE = "cqpgnu."
"""The letters. ``QUIET``: all candles are loaded but those without a trade. ``OUTSIDE``: the market is not expected."""

ROWS_MISSING = "rows_missing"
"""The reason of candles of a loaded day that neither the fact table nor ``crypto.candle_gaps`` has, as the audit names
it."""

_WITHOUT_TRADES = frozenset({"no_trade", "not_listed"})


@dataclass(frozen=True, order=True)
class PageMarket:
    """A market of a source.

    Attributes:
        source: Name of the source.
        symbol: Base currency.
        quote: Quote currency.
    """

    source: str
    symbol: str
    quote: str

    @property
    def name(self) -> str:
        """The market's canonical name, such as ``BTC/USDT``."""
        return f"{self.symbol}/{self.quote}"


@dataclass(frozen=True)
class GapRange:
    """Consecutive missing candles of a market.

    Attributes:
        starts_at: Opening time of the first, UTC.
        ends_at: Opening time of the candle after the last.
        reason: Why they are missing.
    """

    starts_at: datetime
    ends_at: datetime
    reason: str

    def clipped(self, window: Window) -> GapRange | None:
        """Return the part in a window, or None."""
        starts_at, ends_at = max(self.starts_at, window.starts_at), min(self.ends_at, window.ends_at)
        return GapRange(starts_at, ends_at, self.reason) if starts_at < ends_at else None


@dataclass(frozen=True)
class Coverage:
    """The days of all markets.

    Attributes:
        days: The days, from the first fetched one.
        letters: One letter per market and day.
        gaps: The missing candles of each market, oldest first.
        rows_missing: The number of candles that are missing without a reason, by market and day.
        in_settings: The markets of the settings.
        interval: Length of a candle.
    """

    days: Window
    letters: Mapping[PageMarket, str]
    gaps: Mapping[PageMarket, list[GapRange]]
    rows_missing: Mapping[PageMarket, Mapping[date, int]]
    in_settings: frozenset[PageMarket]
    interval: timedelta

    def letter(self, market: PageMarket, day: date) -> str:
        """Return the letter of a day."""
        return self.letters[market][(day - self.days.start).days]

    def missing(self, source: str, day: date) -> dict[str, int]:
        """Return the number of missing candles of a source on a day, by reason, with those that no gap explains."""
        window = Window.of_day(day)
        found: dict[str, int] = defaultdict(int)
        for market in self.letters:
            if market.source != source:
                continue
            if self.letter(market, day) == UNFETCHED:
                found["unfetched"] += timedelta(days=1) // self.interval
            if absent := self.rows_missing[market].get(day):
                found[ROWS_MISSING] += absent
            for gap in self.gaps.get(market, ()):
                if part := gap.clipped(window):
                    found[part.reason] += (part.ends_at - part.starts_at) // self.interval
        return dict(found)


def coverage_of(snapshot: Snapshot, interval: timedelta, sources: Collection[str]) -> Coverage:
    """Return the coverage from the first fetched day to the newest.

    Args:
        snapshot: Rows of the warehouse.
        interval: Length of a candle.
        sources: Names of the sources of the settings. The warehouse has removed ones until the next audit.
    """
    days = Window(min(_day(row["starts_on"]) for row in snapshot.ranges), snapshot.until)
    gaps = _gaps(snapshot.gaps, days)
    ranges: dict[PageMarket, list[Window]] = defaultdict(list)
    for row in snapshot.ranges:
        ranges[_market(row)].append(Window(_day(row["starts_on"]), _day(row["ends_on"])))
    expected: dict[PageMarket, list[Window]] = defaultdict(list)
    of_settings = [row for row in snapshot.expected if row["source"] in sources]
    for row in of_settings:
        used_from, used_until = (row["used_from"] or days.start, row["used_until"] or days.end)
        start, end = max(_day(used_from), days.start), min(_day(used_until), days.end)
        if start < end:
            expected[_market(row)].append(Window(start, end))
    counted = [day for day in days.days() if day >= snapshot.daily_from]
    rows: dict[PageMarket, dict[date, int]] = defaultdict(dict)
    for row in snapshot.daily:
        rows[_market(row)][_day(str(row["opens_at"])[:10])] = int(row["candles"])
    candles_a_day = timedelta(days=1) // interval
    noted = frozenset(map(_market, of_settings))
    # A rebuilt warehouse has the markets of a source only after a run of it.
    unnoted = set(sources) - {market.source for market in noted}
    letters, rows_missing = {}, {}
    for market in sorted({*ranges, *expected, *gaps}):
        needed = [days] if market.source in unnoted else expected.get(market) or _former_days(ranges.get(market, ()))
        fetched = _fetched(days, ranges.get(market, ()), needed)
        missing = _missing(gaps.get(market, ()), interval)
        rows_missing[market] = {
            day: absent
            for day in counted
            if _is_loaded(fetched[(day - days.start).days], explained=day in missing)
            and (absent := candles_a_day - rows[market].get(day, 0) - sum(missing.get(day, {}).values())) > 0
        }
        for day, absent in rows_missing[market].items():
            missing[day][ROWS_MISSING] = absent
        for day, reasons in missing.items():
            fetched[(day - days.start).days] = _letter(reasons, candles_a_day)
        letters[market] = "".join(fetched)
    in_settings = noted | {market for market in letters if market.source in unnoted}
    return Coverage(days, letters, gaps, rows_missing, in_settings, interval)


def _former_days(ranges: Sequence[Window]) -> list[Window]:
    """Return the days on which a market was expected that was removed from the settings.

    Args:
        ranges: Its fetched days, oldest first.
    """
    return [Window(ranges[0].start, ranges[-1].end)] if ranges else []


def _fetched(days: Window, fetched: Iterable[Window], expected: Iterable[Window]) -> list[str]:
    letters = [OUTSIDE] * (days.end - days.start).days
    for window, letter in (*((each, UNFETCHED) for each in expected), *((each, COMPLETE) for each in fetched)):
        first, last = (window.start - days.start).days, (window.end - days.start).days
        letters[first:last] = letter * (last - first)
    return letters


def _is_loaded(letter: str, *, explained: bool) -> bool:
    """Return whether a day was requested. A window without any candle has gaps and no load."""
    return letter == COMPLETE or (letter == UNFETCHED and explained)


def _missing(gaps: Iterable[GapRange], interval: timedelta) -> dict[date, dict[str, int]]:
    """Return the number of missing candles by day and reason."""
    missing: dict[date, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for gap in gaps:
        starts_at = gap.starts_at
        while starts_at < gap.ends_at:
            day = Window.of_day(starts_at.date())
            until = min(day.ends_at, gap.ends_at)
            missing[day.start][gap.reason] += (until - starts_at) // interval
            starts_at = until
    return missing


def _letter(reasons: Mapping[str, int], candles_a_day: int) -> str:
    if sum(reasons.values()) >= candles_a_day:
        return NOT_LISTED if set(reasons) == {"not_listed"} else GAP
    return QUIET if set(reasons) <= _WITHOUT_TRADES else PARTIAL


def _gaps(rows: Iterable[Mapping[str, Any]], days: Window) -> dict[PageMarket, list[GapRange]]:
    found: dict[PageMarket, list[GapRange]] = defaultdict(list)
    for row in rows:
        symbol, _, quote = str(row["market"]).partition("/")
        gap = GapRange(_instant(row["starts_at"]), _instant(row["ends_at"]), str(row["reason"])).clipped(days)
        if gap:
            found[PageMarket(str(row["source"]), symbol, quote)].append(gap)
    return {market: sorted(gaps, key=lambda gap: gap.starts_at) for market, gaps in found.items()}


def _market(row: Mapping[str, Any]) -> PageMarket:
    return PageMarket(str(row["source"]), str(row["symbol"]), str(row["quote_currency"]))


def _day(value: object) -> date:
    return date.fromisoformat(str(value))


def _instant(value: object) -> datetime:
    return datetime.fromisoformat(str(value)).replace(tzinfo=UTC)
