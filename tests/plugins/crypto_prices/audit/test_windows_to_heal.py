from datetime import date, timedelta

from crypto_prices.audit.days_to_heal import (
    RAW_MISSING,
    ROWS_MISSING,
    UNFETCHED,
    MarketDay,
)
from crypto_prices.audit.plan_text import plan_as_text
from crypto_prices.backfill.glue_cost import GlueJob
from crypto_prices.backfill.price import price_of
from crypto_prices.fetch.markets import MarketsByDay, Pair
from crypto_prices.plan.check_accepted import Acceptance
from crypto_prices.settings import PriceSettings
from hypothesis import given
from hypothesis import strategies as st

from tests.support.healing_plans import BTC, ETH, SYMBOLS, day, place, plan, windows


def test_markets_to_heal_on_the_same_days_share_a_window():
    found = {place(number, market): ROWS_MISSING for number in (2, 3, 6) for market in (BTC, ETH)}
    found[place(6, "BTC/USD", "coinbase")] = UNFETCHED
    planned = plan(found)
    assert windows(planned) == [
        (2, 2, {"binance": ["BTCUSDT", "ETHUSDT"]}),
        (6, 1, {"binance": ["BTCUSDT", "ETHUSDT"], "coinbase": ["BTC-USD"]}),
    ]
    assert planned.requests == 2 + 3


def test_days_with_different_reasons_share_a_window():
    planned = plan({place(2): RAW_MISSING, place(3): ROWS_MISSING})
    assert windows(planned) == [(2, 2, {"binance": ["BTCUSDT"]})]


def test_accepted_days_have_windows_of_their_own():
    """An acceptance applies to all sources that a run names, and to all of its days."""
    found = {place(number, market): ROWS_MISSING for number in (2, 3, 4) for market in (BTC, ETH)}
    found |= {place(number, "BTC/USD", "coinbase"): UNFETCHED for number in (3, 4)}
    ada, grace = Acceptance("ada", "off the grid"), Acceptance("grace", "off the grid")
    accepted = {place(3): ada, place(3, ETH): ada, place(4, "BTC/USD", "coinbase"): ada, place(4): grace}
    planned = plan(found, accepted=accepted)
    assert [(*window, each.accepted) for window, each in zip(windows(planned), planned.windows, strict=True)] == [
        (2, 1, {"binance": ["BTCUSDT", "ETHUSDT"]}, None),
        (3, 1, {"coinbase": ["BTC-USD"]}, None),
        (3, 1, {"binance": ["BTCUSDT", "ETHUSDT"]}, ada),
        (4, 1, {"binance": ["ETHUSDT"]}, None),
        (4, 1, {"coinbase": ["BTC-USD"]}, ada),
        (4, 1, {"binance": ["BTCUSDT"]}, grace),
    ]
    price = price_of((each.window for each in planned.windows), GlueJob(2, []), PriceSettings())
    assert "[2024-01-04, 2024-01-05) of binance BTCUSDT, accepted by grace: off the grid" in plan_as_text(
        planned, price
    )


def test_windows_respect_chunk_days_and_requests_the_sources_page_size():
    found = {place(number, "BTC/USD", "coinbase"): UNFETCHED for number in range(1, 8)}
    assert windows(plan(found, chunk_days=5)) == [
        (1, 5, {"coinbase": ["BTC-USD"]}), (6, 2, {"coinbase": ["BTC-USD"]}),
    ]  # fmt: skip
    long = {MarketDay("coinbase", "BTC/USD", day(1) + timedelta(days=n)): UNFETCHED for n in range(20)}
    assert plan(long).requests == 2  # 480 candles


def test_a_window_ends_where_the_name_of_a_market_changes():
    luna = MarketsByDay({"binance": {"LUNAUSDT": Pair("LUNA", "USDT"), "LUNCUSDT": Pair("LUNC", "USDT")}})
    found = {MarketDay("binance", "LUNC/USDT", date(2022, 5, number)): UNFETCHED for number in (26, 27, 28, 29)}
    assert windows(plan(found, markets=luna)) == [
        (26, 2, {"binance": ["LUNAUSDT"]}),
        (28, 2, {"binance": ["LUNCUSDT"]}),
    ]


@given(st.sets(st.tuples(st.integers(1, 7), st.sampled_from([BTC, ETH]), st.sampled_from([ROWS_MISSING, RAW_MISSING]))))
def test_exactly_the_days_to_heal_are_loaded_once(chosen):
    found = {place(number, market): reason for number, market, reason in chosen}
    covered = [
        (source, symbol, covered_day)
        for each in plan(found).windows
        for source, symbols in each.symbols.items()
        for symbol in symbols
        for covered_day in each.window.days()
    ]
    assert sorted(covered) == sorted((p.source, SYMBOLS[p.source, p.market], p.day) for p in found)


def test_the_plans_text_has_the_requests():
    planned = plan({place(2): RAW_MISSING, place(3, ETH): UNFETCHED})
    text = plan_as_text(planned, price_of((each.window for each in planned.windows), GlueJob(2, []), PriceSettings()))
    assert "Audit of [2024-01-01, 2024-01-08): days of markets to heal: 2" in text
    assert "windows 2, with at least 2 API requests" in " ".join(text.split())
    assert "price about $0.56" in " ".join(text.split())
    assert "binance ETH/USDT: 1 day unfetched" in " ".join(text.split())
    assert "window [2024-01-02, 2024-01-03) of binance BTCUSDT" in " ".join(text.split())
