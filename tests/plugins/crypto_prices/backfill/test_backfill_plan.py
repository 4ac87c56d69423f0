from datetime import date, timedelta

import pytest
from crypto_prices.backfill.backfill_plan import (
    GlueJob,
    Load,
    PastGlueRun,
    RequestSize,
    loaded_days,
    plan_as_text,
    plan_backfill,
    split_into_windows,
)
from crypto_prices_contract.window import Window

JANUARY = Window(date(2024, 1, 1), date(2024, 2, 1))
MARKETS = {"binance": ["BTC/USDT", "ETH/USDT"]}


def day(number):
    return date(2024, 1, number)


def load(
    first,
    last,
    *,
    number=1,
    markets=("BTC/USDT", "ETH/USDT"),
    status="loaded",
    recorded=True,
    merged=48,
    kept=48,
    source="binance",
):
    window = Window(day(first), day(last) + timedelta(days=1))
    return Load(source, f"b{number}", window, frozenset(markets), number, status, recorded, merged, kept)


def plan(span=JANUARY, **changes):
    arguments = {
        "chunk_days": 31,
        "force": False,
        "markets": MARKETS,
        "loads": [],
        "interval": timedelta(hours=1),
        "request_sizes": {"binance": RequestSize(1000, 170)},
        "glue": GlueJob(2, [PastGlueRun(31, 90)] * 5),
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
    assert plan(glue=GlueJob(2, [PastGlueRun(31, 20)])).dpu_minutes == 2


@pytest.mark.parametrize(
    ("days", "past", "seconds"),
    [
        (31, [(1, 60)] * 30 + [(31, 500), (30, 300)], 400),
        (31, [(62, 800), (16, 200), (15, 9), (63, 9)], 500),
        (1, [(31, 500), (2, 80), (1, 60)], 70),
        (31, [(1, 60), (7, 110), (1, 70), (7, 90)], 100),
        (31, [(30, 300)] * 4 + [(31, 600)] * 12, 600),
        (2, [(2, 10)] * 10 + [(2, 900)], 10),
    ],
    ids=["alike", "half to twice as long", "a day", "none alike: the nearest", "nearest first", "newest first"],
)
def test_the_price_is_that_of_runs_of_windows_as_long(days, past, seconds):
    assert GlueJob(2, [PastGlueRun(*run) for run in past]).estimate(days).seconds == seconds


def test_windows_of_different_lengths_have_different_prices():
    planned = plan(
        loads=[load(2, 2)],
        chunk_days=31,
        glue=GlueJob(2, [PastGlueRun(1, 60), PastGlueRun(31, 600), PastGlueRun(1, 120)]),
    )
    assert planned.windows_by_days == {29: 1, 1: 1}
    assert planned.dpu_minutes == 2 * (10 + 1.5)
    text = plan_as_text(planned)
    assert "Glue runs       2, about 23.0 DPU-minutes (2 DPUs)" in text
    assert "Glue runs       1 of 29 days: 600 s each, the mean of 1 earlier runs (1 of 31 days)" in text
    assert "Glue runs       1 of 1 day: 90 s each, the mean of 2 earlier runs (2 of 1 day)" in text


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
        [load(5, 5), load(5, 5, number=2, status="merged")],
        [load(5, 5), load(5, 5, number=2, markets=["ETH/USDT"], status="merged")],
        [load(5, 5, recorded=False)],
        [load(5, 5), load(5, 5, number=2, recorded=False)],
    ],
    ids=[
        "a market missing",
        "rows gone",
        "another source",
        "a newer load broken",
        "one market's newer load broken",
        "a newer load that did not add up",
        "one market's newer load that did not add up",
        "merged and not published",
        "a newer load that was not published",
    ],
)
def test_a_day_that_is_not_wholly_there_is_loaded(loads):
    assert loaded_days(JANUARY, MARKETS, loads) == {}


def test_a_load_that_added_up_repairs_the_days_of_one_that_did_not():
    loads = [load(5, 6, status="merged"), load(5, 5, number=2)]
    assert loaded_days(JANUARY, MARKETS, loads) == {day(5): "b2"}


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
    assert "Glue runs       1, about 3.0 DPU-minutes (2 DPUs)" in text
    assert "Glue runs       1 of 19 days: 90 s each, the mean of 5 earlier runs (5 of 31 days)" in text
    assert "window          [2024-01-13, 2024-02-01)" in text
    assert "skipped         [2024-01-01, 2024-01-10): loaded by b1" in text
    assert "skipped         [2024-01-10, 2024-01-13): loaded by b2" in text
    assert "120 s each is assumed, as no run has ended yet" in plan_as_text(plan(glue=GlueJob(2, [])))
