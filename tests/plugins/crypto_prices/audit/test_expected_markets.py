from datetime import date

from crypto_prices.audit.expected_markets import ExpectedMarket, expected_markets
from crypto_prices.fetch.markets import MarketsByDay, Pair


def test_a_market_whose_name_never_changes_has_no_limits():
    markets = MarketsByDay({"binance": {"BTCUSDT": Pair("BTC", "USDT")}, "coinbase": {"BTC-USD": Pair("BTC", "USD")}})
    assert expected_markets(markets) == [
        ExpectedMarket("binance", "BTC", "USDT", None, None),
        ExpectedMarket("coinbase", "BTC", "USD", None, None),
    ]


def test_a_name_is_expected_only_while_the_exchange_used_it():
    """The symbol LUNAUSDT was LUNC before the day on which LUNCUSDT became LUNC."""
    luna = MarketsByDay(
        {
            "binance": {
                "LUNAUSDT": Pair("LUNA", "USDT"),
                "LUNCUSDT": Pair("LUNC", "USDT"),
                "BTCUSDT": Pair("BTC", "USDT"),
            }
        }
    )
    assert expected_markets(luna) == [
        ExpectedMarket("binance", "BTC", "USDT", None, None),
        ExpectedMarket("binance", "LUNA", "USDT", date(2022, 5, 28), None),
        ExpectedMarket("binance", "LUNC", "USDT", None, None),
    ]


def test_rows_of_the_warehouse_are_compared_with_them():
    row = {
        "source": "binance",
        "symbol": "LUNA",
        "quote_currency": "USDT",
        "used_from": "2022-05-28",
        "used_until": None,
    }
    assert ExpectedMarket.of_row(row) == ExpectedMarket("binance", "LUNA", "USDT", date(2022, 5, 28), None)
