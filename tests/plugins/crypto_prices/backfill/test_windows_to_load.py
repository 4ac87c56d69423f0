from datetime import date, timedelta

from crypto_prices.backfill.glue_cost import GlueJob, PastGlueRun
from crypto_prices.backfill.plan_text import plan_as_text
from crypto_prices.backfill.price import price_of
from crypto_prices.backfill.windows_to_load import split_into_windows
from crypto_prices.fetch.markets import MarketsByDay, Pair
from crypto_prices.settings import PriceSettings
from crypto_prices_contract.window import Window

from tests.support.backfill_plans import day, load, plan


def test_a_year_of_one_source_is_about_a_dozen_glue_runs():
    year = plan(Window(date(2023, 1, 1), date(2024, 1, 1)))
    assert len(year.windows) == 12
    assert year.windows[0].start == date(2023, 1, 1)
    assert year.windows[-1].end == date(2024, 1, 1)
    assert sum((window.end - window.start).days for window in year.windows) == 365
    assert year.dpu_minutes == 12 * 2 * 1.5


def test_the_cost_counts_the_sources_requests():
    month = plan()
    assert month.requests == 2  # 744 candles fit into one response
    assert month.records == 2 * 31 * 24
    assert month.raw_bytes == month.records * 170
    assert plan(interval=timedelta(minutes=15)).requests == 2 * 3  # 2976 candles
    # Every window begins with a new request.
    assert plan(chunk_days=10).requests == 2 * 4


def test_windows_of_different_lengths_have_different_costs():
    planned = plan(
        loads=[load(2, 2)],
        chunk_days=31,
        glue=GlueJob(2, [PastGlueRun(1, 60), PastGlueRun(31, 600), PastGlueRun(1, 120)]),
    )
    assert planned.windows_by_days == {29: 1, 1: 1}
    assert planned.dpu_minutes == 2 * (10 + 1.5)
    text = plan_as_text(planned, price_of(planned.windows, planned.glue, PriceSettings()))
    assert "Glue runs 2, about 23.0 DPU-minutes (2 DPUs)" in " ".join(text.split())
    assert "Glue runs 1 of 29 days: 600 s each, the mean of 1 earlier run (1 of 31 days)" in " ".join(text.split())
    assert "Glue runs 1 of 1 day: 90 s each, the mean of 2 earlier runs (2 of 1 day)" in " ".join(text.split())


def test_loaded_days_are_skipped_and_separate_the_windows():
    planned = plan(loads=[load(3, 3), load(10, 12, number=2)])
    assert [(w.start.day, (w.end - w.start).days) for w in planned.windows] == [(1, 2), (4, 6), (13, 19)]
    assert planned.skipped == {day(3): "b1", day(10): "b2", day(11): "b2", day(12): "b2"}
    assert plan(loads=[load(3, 3)], reload=True).skipped == {}


def test_the_number_of_windows_is_minimal():
    days = [day(n) for n in (1, 2, 3, 4, 5, 9, 10)]
    assert split_into_windows(reversed(days), 3) == [
        Window(day(1), day(4)),
        Window(day(4), day(6)),
        Window(day(9), day(11)),
    ]
    assert split_into_windows([], 3) == []


def test_a_window_ends_where_the_name_of_a_market_changes():
    luna = MarketsByDay({"binance": {"LUNAUSDT": Pair("LUNA", "USDT"), "LUNCUSDT": Pair("LUNC", "USDT")}})
    planned = plan(Window(date(2022, 5, 20), date(2022, 6, 10)), markets=luna)
    assert planned.windows == [
        Window(date(2022, 5, 20), date(2022, 5, 28)),
        Window(date(2022, 5, 28), date(2022, 6, 10)),
    ]
    # One market before the change, two after it.
    assert planned.records == 24 * (8 + 2 * 13)


def test_days_on_which_the_exchange_used_none_of_the_names_are_not_planned():
    bcc = MarketsByDay({"binance": {"BCCUSDT": Pair("BCC", "USDT")}})
    for reload in (False, True):
        planned = plan(Window(date(2018, 11, 10), date(2018, 12, 10)), markets=bcc, reload=reload)
        assert planned.windows == [Window(date(2018, 11, 10), date(2018, 11, 16))]
        assert (planned.skipped, planned.days) == ({}, 6)
