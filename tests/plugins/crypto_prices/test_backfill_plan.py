from datetime import date, timedelta

import pytest
from crypto_prices.backfill_plan import (
    GlueRunSize,
    Load,
    RequestSize,
    loaded_days,
    plan_as_text,
    plan_backfill,
    split_into_windows,
)
from crypto_prices.window import Window

JANUARY = Window(date(2024, 1, 1), date(2024, 2, 1))
MARKETS = {"binance": ["BTC/USDT", "ETH/USDT"]}


def day(number):
    return date(2024, 1, number)


def load(first, last, *, number=1, markets=("BTC/USDT", "ETH/USDT"), merged=48, kept=48, source="binance"):
    window = Window(day(first), day(last) + timedelta(days=1))
    return Load(source, f"b{number}", window, frozenset(markets), number, merged, kept)


def plan(span=JANUARY, **changes):
    arguments = {
        "chunk_days": 31,
        "force": False,
        "markets": MARKETS,
        "loads": [],
        "interval": timedelta(hours=1),
        "request_sizes": {"binance": RequestSize(1000, 170)},
        "glue": GlueRunSize(2, 90, 5),
    } | changes
    return plan_backfill(span, **arguments)


def test_a_year_of_one_source_is_about_a_dozen_glue_runs():
    year = plan(Window(date(2023, 1, 1), date(2024, 1, 1)))
    assert len(year.windows) == 12
    assert year.windows[0].start == date(2023, 1, 1)
    assert year.windows[-1].end == date(2024, 1, 1)
    assert sum((window.end - window.start).days for window in year.windows) == 365
    assert year.dpu_minutes == 12 * 2 * 1.5


def test_the_price_counts_requests_as_the_source_makes_them():
    month = plan()
    assert month.requests == 2  # 744 candles fit into one answer
    assert month.records == 2 * 31 * 24
    assert month.raw_bytes == month.records * 170
    assert plan(interval=timedelta(minutes=15)).requests == 2 * 3  # 2976 candles
    # Every window begins with a request of its own.
    assert plan(chunk_days=10).requests == 2 * 4


def test_a_short_glue_run_is_billed_for_a_minute():
    assert plan(glue=GlueRunSize(2, 20, 1)).dpu_minutes == 2


def test_loaded_days_are_skipped_and_the_windows_lie_between_them():
    planned = plan(loads=[load(3, 3), load(10, 12, number=2)])
    assert [(w.start.day, (w.end - w.start).days) for w in planned.windows] == [(1, 2), (4, 6), (13, 19)]
    assert planned.skipped == {day(3): "b1", day(10): "b2", day(11): "b2", day(12): "b2"}
    assert plan(loads=[load(3, 3)], force=True).skipped == {}


@pytest.mark.parametrize(
    "loads",
    [
        [load(5, 5, markets=["BTC/USDT"])],
        [load(5, 5, kept=47)],
        [load(5, 5, source="coinbase")],
        [load(5, 5), load(5, 5, number=2, kept=0)],
        [load(5, 5), load(5, 5, number=2, markets=["ETH/USDT"], kept=0)],
    ],
    ids=["a market missing", "rows gone", "another source", "a newer load broken", "one market's newer load broken"],
)
def test_a_day_that_is_not_wholly_there_is_loaded(loads):
    assert loaded_days(JANUARY, MARKETS, loads) == {}


def test_several_loads_can_cover_a_day_together():
    loads = [load(5, 5, markets=["BTC/USDT"]), load(1, 20, number=2, markets=["ETH/USDT"])]
    assert loaded_days(JANUARY, MARKETS, loads) == {day(5): "b1, b2"}


def test_a_load_that_reaches_beyond_the_span_counts_for_the_days_inside():
    span = Window(day(4), day(6))
    assert set(loaded_days(span, MARKETS, [load(1, 31)])) == {day(4), day(5)}


def test_windows_are_as_few_as_can_be():
    days = [day(n) for n in (1, 2, 3, 4, 5, 9, 10)]
    assert split_into_windows(reversed(days), 3) == [
        Window(day(1), day(4)),
        Window(day(4), day(6)),
        Window(day(9), day(11)),
    ]
    assert split_into_windows([], 3) == []


def test_the_plan_says_what_it_costs_and_why_days_are_skipped():
    text = plan_as_text(plan(loads=[load(1, 9), load(10, 12, number=2)]))
    assert "Backfill of [2024-01-01, 2024-02-01): 31 days" in text
    assert "19 days in 1 windows" in text
    assert "API requests    2" in text
    assert "Glue runs       1, about 3.0 DPU-minutes (2 DPUs; mean of 5 earlier runs: 90 s)" in text
    assert "window          [2024-01-13, 2024-02-01)" in text
    assert "skipped         [2024-01-01, 2024-01-10): loaded by b1" in text
    assert "skipped         [2024-01-10, 2024-01-13): loaded by b2" in text
    assert "no run has ended yet, 120 s assumed" in plan_as_text(plan(glue=GlueRunSize(2, 120, 0)))
