from dataclasses import replace
from datetime import date

from crypto_prices.fetch.markets import MarketsByDay, Pair
from crypto_prices.plan.expected_markets import ExpectedMarket, changed_markets, expected_markets


def test_a_market_whose_name_never_changes_has_no_limits():
    markets = MarketsByDay({"binance": {"BTCUSDT": Pair("BTC", "USDT")}, "coinbase": {"BTC-USD": Pair("BTC", "USD")}})
    assert expected_markets(markets, "1h") == [
        ExpectedMarket("binance", "BTC", "USDT", "1h", None, None),
        ExpectedMarket("coinbase", "BTC", "USD", "1h", None, None),
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
    assert expected_markets(luna, "1h") == [
        ExpectedMarket("binance", "BTC", "USDT", "1h", None, None),
        ExpectedMarket("binance", "LUNA", "USDT", "1h", date(2022, 5, 28), None),
        ExpectedMarket("binance", "LUNC", "USDT", "1h", None, None),
    ]


def test_rows_of_the_warehouse_are_compared_with_them():
    row = {
        "source": "binance",
        "symbol": "LUNA",
        "quote_currency": "USDT",
        "candle_interval": "1h",
        "used_from": "2022-05-28",
        "used_until": None,
    }
    assert ExpectedMarket.of_row(row).as_row() == row
    assert ExpectedMarket.of_row(row) == ExpectedMarket("binance", "LUNA", "USDT", "1h", date(2022, 5, 28), None)


BTC = ExpectedMarket("binance", "BTC", "USDT", "1h", None, None)
LUNC = ExpectedMarket("binance", "LUNC", "USDT", "1h", None, date(2022, 5, 28))
LUNA = [replace(LUNC, symbol="LUNA", used_from=date(2020, 8, 21)), replace(LUNC, symbol="LUNA", used_from=None)]


def changed(known, expected, incomplete=None):
    return dict(changed_markets(known, expected, incomplete=incomplete))


def test_only_markets_whose_rows_differ_are_written():
    known = [BTC, LUNC, *LUNA]
    assert changed(known, [*reversed(LUNA), LUNC, BTC], ()) == {}
    # As after two runs that wrote it at the same time, and after a correction of the names.
    assert changed([*known, BTC], known) == {"binance/1h/BTC/USDT": [BTC]}
    assert changed(known, LUNA[:1]) == {"binance/1h/LUNA/USDT": LUNA[:1]}


def test_a_run_of_some_markets_keeps_the_others_and_an_audit_deletes_those_that_the_settings_no_longer_have():
    five = replace(BTC, candle_interval="5m")
    assert changed([BTC, LUNC], [five]) == {"binance/5m/BTC/USDT": [five]}
    assert changed([BTC, LUNC], [five], ()) == {
        "binance/1h/BTC/USDT": [], "binance/1h/LUNC/USDT": [], "binance/5m/BTC/USDT": [five],
    }  # fmt: skip
    # The exchange did not respond, so its markets are not known.
    other = replace(BTC, source="coinbase")
    assert changed([BTC, other], [other], ["binance"]) == {}
    assert changed([BTC, other], [BTC], ["binance"]) == {"coinbase/1h/BTC/USDT": []}
