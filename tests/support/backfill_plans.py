"""Loads and plans of a backfill of January 2024."""

from datetime import date, timedelta

from crypto_prices.backfill.glue_cost import GlueJob, PastGlueRun
from crypto_prices.backfill.loaded_days import Load
from crypto_prices.backfill.windows_to_load import RequestSize, windows_to_load
from crypto_prices.fetch.markets import MarketsByDay, Pair
from crypto_prices_contract.window import Window

JANUARY = Window(date(2024, 1, 1), date(2024, 2, 1))
MARKETS = MarketsByDay({"binance": {"BTCUSDT": Pair("BTC", "USDT"), "ETHUSDT": Pair("ETH", "USDT")}})


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
    return Load(
        source,
        f"b{number}",
        window,
        frozenset(markets),
        number,
        status,
        recorded,
        merged,
        kept,
        f"jr_{number}",
        f"s3://lake/{number}",
        False,
    )


def plan(span=JANUARY, **changes):
    arguments = {
        "chunk_days": 31,
        "reload": False,
        "markets": MARKETS,
        "loads": [],
        "interval": timedelta(hours=1),
        "request_sizes": {"binance": RequestSize(1000, 170)},
        "glue": GlueJob(2, [PastGlueRun(31, 90)] * 5),
    } | changes
    return windows_to_load(span, **arguments)
