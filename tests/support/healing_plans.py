"""Plans of an audit of the first week of 2024."""

from datetime import date, timedelta

from crypto_prices.audit.days_to_heal import MarketDay
from crypto_prices.audit.windows_to_heal import windows_to_heal
from crypto_prices.backfill.windows_to_load import RequestSize
from crypto_prices.fetch.markets import MarketsByDay, Pair
from crypto_prices_contract.window import Window

SPAN = Window(date(2024, 1, 1), date(2024, 1, 8))
BTC, ETH = "BTC/USDT", "ETH/USDT"
SYMBOLS = {
    ("binance", BTC): "BTCUSDT",
    ("binance", ETH): "ETHUSDT",
    ("coinbase", "BTC/USD"): "BTC-USD",
}
MARKETS = MarketsByDay(
    {
        "binance": {"BTCUSDT": Pair("BTC", "USDT"), "ETHUSDT": Pair("ETH", "USDT")},
        "coinbase": {"BTC-USD": Pair("BTC", "USD")},
    }
)
SIZES = {"binance": RequestSize(1000, 170), "coinbase": RequestSize(300, 65)}


def day(number):
    return date(2024, 1, number)


def place(number, market=BTC, source="binance"):
    return MarketDay(source, market, day(number))


def plan(found, chunk_days=31, markets=MARKETS, accepted=None):
    return windows_to_heal(
        SPAN,
        found,
        markets=markets,
        chunk_days=chunk_days,
        interval=timedelta(hours=1),
        request_sizes=SIZES,
        accepted=accepted,
    )


def windows(planned):
    return [
        (each.window.start.day, (each.window.end - each.window.start).days, dict(each.symbols))
        for each in planned.windows
    ]
