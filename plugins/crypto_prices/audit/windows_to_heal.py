"""The fewest windows that reload the days to heal."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from crypto_prices_contract.window import Window

from crypto_prices.audit.days_to_heal import MarketDay
from crypto_prices.backfill.windows_to_load import RequestSize, split_into_windows
from crypto_prices.fetch.markets import MarketsByDay
from crypto_prices.plan.check_accepted import Acceptance


@dataclass(frozen=True)
class HealingWindow:
    """A window to reload.

    Attributes:
        window: The days.
        symbols: Exchange symbols by source.
        accepted: The acceptance of the loads of these days of markets; None if no one accepted rejected records.
    """

    window: Window
    symbols: Mapping[str, Sequence[str]]
    accepted: Acceptance | None = None


@dataclass(frozen=True)
class HealingPlan:
    """The result of an audit: the wrong days, and the windows that heal them.

    Attributes:
        span: The audited days.
        reasons: The wrong days of markets, with reasons.
        windows: The windows to reload, oldest first.
        requests: Least number of API requests that the reload needs. A response without candles is requested twice.
    """

    span: Window
    reasons: Mapping[MarketDay, str]
    windows: Sequence[HealingWindow]
    requests: int


def windows_to_heal(
    span: Window,
    reasons: Mapping[MarketDay, str],
    *,
    markets: MarketsByDay,
    chunk_days: int,
    interval: timedelta,
    request_sizes: Mapping[str, RequestSize],
    accepted: Mapping[MarketDay, Acceptance] | None = None,
) -> HealingPlan:
    """Return the fewest windows that reload exactly these days of these markets.

    Consecutive days form one window. Markets that need healing on the same days share it. Days whose load a user
    accepted have windows of their own, because an acceptance applies to a whole run.

    Args:
        span: The audited days.
        reasons: The wrong days of markets, with reasons.
        markets: The markets. A window ends where the name of one changes.
        chunk_days: Longest window, in days.
        interval: Length of a candle.
        request_sizes: Size of a request by source.
        accepted: The days of markets whose load a user accepted.
    """
    acceptances = accepted or {}
    days: dict[tuple[str, str, Acceptance | None], list[date]] = defaultdict(list)
    for place in reasons:
        days[place.source, place.market, acceptances.get(place)].append(place.day)
    symbols: dict[tuple[Window, Acceptance | None], dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    requests = 0
    for (source, market, acceptance), listed in days.items():
        for window in split_into_windows(listed, chunk_days, markets.changes):
            symbols[window, acceptance][source].append(markets.exchange_symbol(source, market, window.start))
            candles = (window.ends_at - window.starts_at) // interval
            requests += -(-candles // request_sizes[source].rows_per_request)
    windows = [
        HealingWindow(window, {source: sorted(names) for source, names in sorted(of_source.items())}, acceptance)
        for (window, acceptance), of_source in sorted(symbols.items(), key=_order)
    ]
    return HealingPlan(span, reasons, windows, requests)


def _order(item: tuple[tuple[Window, Acceptance | None], object]) -> tuple[Window, str, str]:
    window, acceptance = item[0]
    return (window, "", "") if acceptance is None else (window, acceptance.user, acceptance.reason)
