from datetime import timedelta

import pytest
from crypto_prices.audit.days_to_heal import (
    NOT_PUBLISHED,
    RAW_MISSING,
    ROWS_MISSING,
    UNFETCHED,
    find_reasons,
    unfetched_runs,
)
from crypto_prices.backfill.loaded_days import Load
from crypto_prices_contract.window import Window

from tests.support.healing_plans import BTC, ETH, SPAN, day, place, plan

MARKETS = {"binance": [BTC, ETH]}


def load(first=1, last=7, *, number=1, markets=(BTC, ETH), manifest="s3://lake/1", source="binance"):
    window = Window(day(first), day(last) + timedelta(days=1))
    return Load(source, f"b{number}", window, frozenset(markets), number, "loaded", True, 1, 1, manifest)


def reasons(*, loads=None, rows=None, gaps=None, lost=(), again=()):
    whole = {place(number, market): 24 for number in range(1, 8) for market in (BTC, ETH)}
    return find_reasons(
        SPAN,
        markets=MARKETS,
        candles_a_day=24,
        loads=[load()] if loads is None else loads,
        rows=whole | (rows or {}),
        gaps=gaps or {},
        lost_manifests=lost,
        ask_again=again,
    )


def test_a_span_that_is_as_it_should_be_has_nothing_to_heal():
    assert reasons() == {}
    assert plan({}).windows == []


def test_candles_that_are_known_to_be_missing_are_not_missed():
    assert reasons(rows={place(3): 20}, gaps={place(3): {"no_trade": 3, "venue_down": 1}}) == {}
    assert reasons(rows={place(3): 19}, gaps={place(3): {"no_trade": 3, "venue_down": 1}}) == {place(3): ROWS_MISSING}
    assert reasons(rows={place(3): 0}, gaps={place(3): {"not_listed": 24}}) == {}


def test_a_day_that_no_load_has_asked_for_is_unfetched_whatever_the_gaps_say():
    rows = {place(6): 0, place(7): 0}
    loads = [load(1, 5), load(6, 7, markets=[ETH], number=2)]
    found = reasons(loads=loads, rows=rows, gaps={place(6): {"unfetched": 24}})
    assert found == {place(6): UNFETCHED, place(7): UNFETCHED}
    # Once it was asked for, what the audit wrote before does not explain anything.
    assert reasons(rows={place(6): 0}, gaps={place(6): {"unfetched": 24}}) == {place(6): ROWS_MISSING}


def test_what_is_gone_from_the_raw_zone_counts_for_the_days_that_nothing_newer_has_loaded():
    newer = load(3, 4, number=2, markets=[BTC], manifest="s3://lake/2")
    found = reasons(loads=[load(2, 4), newer, load(1, 1, manifest="s3://lake/3"), load(5, 7, manifest="s3://lake/4")],
                    lost=["s3://lake/1"])  # fmt: skip
    assert set(found) == {place(2), place(2, ETH), place(3, ETH), place(4, ETH)}
    assert set(found.values()) == {RAW_MISSING}


def test_the_exchange_is_asked_again_only_for_the_reasons_that_are_named():
    gaps = {place(3): {"no_trade": 1}, place(4): {"quarantined": 1}, place(5, ETH): {"venue_down": 1, "no_trade": 1}}
    rows = {place(3): 23, place(4): 23, place(5, ETH): 22}
    assert reasons(rows=rows, gaps=gaps) == {}
    assert reasons(rows=rows, gaps=gaps, again=["quarantined", "venue_down"]) == {
        place(4): "quarantined", place(5, ETH): "venue_down",
    }  # fmt: skip


def test_a_load_that_was_never_published_is_loaded_again():
    late = Load("binance", "b9", Window.of_day(day(3)), frozenset({BTC}), 9, "loaded", False, 1, 1, "s3://lake/9")
    assert reasons(loads=[load(), late]) == {place(3): NOT_PUBLISHED}


def test_a_window_that_was_asked_for_and_has_no_candle_is_not_asked_for_again():
    """Nothing was loaded, so there is no load of it; the gaps say that it was asked for."""
    rows = {place(6): 0, place(7): 0}
    empty = {place(6): {"not_listed": 24}, place(7): {"unfetched": 24}}
    found = reasons(loads=[load(1, 5), load(6, 7, markets=[ETH], number=2)], rows=rows, gaps=empty)
    assert found == {place(7): UNFETCHED}


def test_days_that_nobody_has_asked_for_are_told_as_runs():
    found = {place(number): UNFETCHED for number in (1, 2, 5)} | {place(3): ROWS_MISSING, place(1, ETH): UNFETCHED}
    assert [(market, window.start.day, window.end.day) for _, market, window in unfetched_runs(found)] == [
        (BTC, 1, 3), (BTC, 5, 6), (ETH, 1, 2),
    ]  # fmt: skip


@pytest.mark.parametrize("number", [1, 7])
def test_the_ends_of_the_span_belong_to_it(number):
    assert reasons(rows={place(number): 0}) == {place(number): ROWS_MISSING}
