from datetime import date, timedelta

import pytest
from crypto_prices.audit.healing_plan import (
    NOT_PUBLISHED,
    RAW_MISSING,
    ROWS_MISSING,
    UNFETCHED,
    MarketDay,
    find_reasons,
    plan_as_text,
    plan_healing,
    unfetched_runs,
)
from crypto_prices.backfill.backfill_plan import Load, RequestSize
from crypto_prices_contract.window import Window
from hypothesis import given
from hypothesis import strategies as st

SPAN = Window(date(2024, 1, 1), date(2024, 1, 8))
BTC, ETH = "BTC/USDT", "ETH/USDT"
MARKETS = {"binance": [BTC, ETH]}
SYMBOLS = {
    ("binance", BTC): "BTCUSDT",
    ("binance", ETH): "ETHUSDT",
    ("coinbase", "BTC/USD"): "BTC-USD",
}
SIZES = {"binance": RequestSize(1000, 170), "coinbase": RequestSize(300, 65)}


def day(number):
    return date(2024, 1, number)


def place(number, market=BTC, source="binance"):
    return MarketDay(source, market, day(number))


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


def plan(found, chunk_days=31):
    return plan_healing(
        SPAN,
        found,
        exchange_symbols=SYMBOLS,
        chunk_days=chunk_days,
        interval=timedelta(hours=1),
        request_sizes=SIZES,
    )


def windows(planned):
    return [
        (each.window.start.day, (each.window.end - each.window.start).days, dict(each.symbols))
        for each in planned.windows
    ]


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


def test_markets_that_are_to_be_healed_on_the_same_days_share_a_window():
    found = {place(number, market): ROWS_MISSING for number in (2, 3, 6) for market in (BTC, ETH)}
    found[place(6, "BTC/USD", "coinbase")] = UNFETCHED
    planned = plan(found)
    assert windows(planned) == [
        (2, 2, {"binance": ["BTCUSDT", "ETHUSDT"]}),
        (6, 1, {"binance": ["BTCUSDT", "ETHUSDT"], "coinbase": ["BTC-USD"]}),
    ]
    assert planned.requests == 2 + 3


def test_a_day_is_one_of_a_window_whatever_it_lacks():
    planned = plan({place(2): RAW_MISSING, place(3): ROWS_MISSING})
    assert windows(planned) == [(2, 2, {"binance": ["BTCUSDT"]})]


def test_a_load_that_was_never_published_is_loaded_again():
    late = Load("binance", "b9", Window.of_day(day(3)), frozenset({BTC}), 9, "loaded", False, 1, 1, "s3://lake/9")
    assert reasons(loads=[load(), late]) == {place(3): NOT_PUBLISHED}


def test_a_window_that_was_asked_for_and_has_no_candle_is_not_asked_for_again():
    """Nothing was loaded, so there is no load of it; the gaps say that it was asked for."""
    rows = {place(6): 0, place(7): 0}
    empty = {place(6): {"not_listed": 24}, place(7): {"unfetched": 24}}
    found = reasons(loads=[load(1, 5), load(6, 7, markets=[ETH], number=2)], rows=rows, gaps=empty)
    assert found == {place(7): UNFETCHED}


def test_windows_are_no_longer_than_asked_and_requests_are_those_of_the_source():
    found = {place(number, "BTC/USD", "coinbase"): UNFETCHED for number in range(1, 8)}
    assert windows(plan(found, chunk_days=5)) == [
        (1, 5, {"coinbase": ["BTC-USD"]}), (6, 2, {"coinbase": ["BTC-USD"]}),
    ]  # fmt: skip
    long = {MarketDay("coinbase", "BTC/USD", day(1) + timedelta(days=n)): UNFETCHED for n in range(20)}
    assert plan(long).requests == 2  # 480 candles


@given(st.sets(st.tuples(st.integers(1, 7), st.sampled_from([BTC, ETH]), st.sampled_from([ROWS_MISSING, RAW_MISSING]))))
def test_exactly_what_is_to_be_healed_is_loaded_and_nothing_twice(chosen):
    found = {place(number, market): reason for number, market, reason in chosen}
    covered = [
        (source, symbol, covered_day)
        for each in plan(found).windows
        for source, symbols in each.symbols.items()
        for symbol in symbols
        for covered_day in each.window.days()
    ]
    assert sorted(covered) == sorted((p.source, SYMBOLS[p.source, p.market], p.day) for p in found)


def test_days_that_nobody_has_asked_for_are_told_as_runs():
    found = {place(number): UNFETCHED for number in (1, 2, 5)} | {place(3): ROWS_MISSING, place(1, ETH): UNFETCHED}
    assert [(market, window.start.day, window.end.day) for _, market, window in unfetched_runs(found)] == [
        (BTC, 1, 3), (BTC, 5, 6), (ETH, 1, 2),
    ]  # fmt: skip


def test_the_plan_is_shown_with_what_it_takes():
    text = plan_as_text(plan({place(2): RAW_MISSING, place(3, ETH): UNFETCHED}))
    assert "Audit of [2024-01-01, 2024-01-08): 2 days of markets are to be healed" in text
    assert "windows         2, with 2 API requests" in text
    assert "binance         ETH/USDT: 1 days unfetched" in text
    assert "window          [2024-01-02, 2024-01-03) of binance BTCUSDT" in text


@pytest.mark.parametrize("number", [1, 7])
def test_the_ends_of_the_span_belong_to_it(number):
    assert reasons(rows={place(number): 0}) == {place(number): ROWS_MISSING}
