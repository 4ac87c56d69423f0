from datetime import date, timedelta

from crypto_prices.backfill.glue_cost import GlueJob, PastGlueRun
from crypto_prices.backfill.loaded_days import Load
from crypto_prices.backfill.plan_text import plan_as_text
from crypto_prices.backfill.windows_to_load import RequestSize, plan_backfill
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
