from datetime import date

import pytest
from crypto_prices.fetch.errors import MarketSettingsError
from crypto_prices.fetch.markets import MarketsByDay, Pair, unlisted
from crypto_prices_contract.markets import Market
from crypto_prices_contract.window import Window


def markets(source="binance", **pairs):
    return MarketsByDay({source: {symbol: Pair.parse(pair) for symbol, pair in pairs.items()}})


def names(found, day, source="binance"):
    return {market.exchange_symbol: market.name for market in found.on(day)[source]}


def window(start, end):
    return Window(date.fromisoformat(start), date.fromisoformat(end))


TERRA = {"LUNAUSDT": "LUNA/USDT", "LUNCUSDT": "LUNC/USDT", "BTCUSDT": "BTC/USDT", "BTCUST": "BTC/UST"}


def test_a_reused_name_is_another_market_from_the_day_of_the_change():
    found = markets(**TERRA)
    assert found.changes == [date(2022, 5, 28)]
    assert names(found, date(2022, 5, 27)) == {"LUNAUSDT": "LUNC/USDT", "BTCUSDT": "BTC/USDT", "BTCUST": "BTC/USTC"}
    assert names(found, date(2022, 5, 28)) == {
        "LUNAUSDT": "LUNA/USDT", "LUNCUSDT": "LUNC/USDT", "BTCUSDT": "BTC/USDT",
    }  # fmt: skip


def test_a_market_keeps_its_name_when_the_exchange_renames_it():
    found = markets(
        BCCUSDT="BCC/USDT", BCHABCUSDT="BCHABC/USDT", BCHUSDT="BCH/USDT", MATICUSDT="MATIC/USDT", POLUSDT="POL/USDT"
    )
    of_days = [names(found, date(year, 1, 1)) for year in (2018, 2019, 2020, 2025)]
    assert of_days == [
        {"BCCUSDT": "BCH/USDT", "MATICUSDT": "POL/USDT"},
        {"BCHABCUSDT": "BCH/USDT", "MATICUSDT": "POL/USDT"},
        {"BCHUSDT": "BCH/USDT", "MATICUSDT": "POL/USDT"},
        {"BCHUSDT": "BCH/USDT", "POLUSDT": "POL/USDT"},
    ]


def test_a_window_that_would_hold_two_coins_is_refused_with_the_windows_to_load():
    found = markets(**TERRA)
    with pytest.raises(MarketSettingsError) as refusal:
        found.in_window(window("2022-05-01", "2022-06-01"))
    assert "BTCUST of binance is BTC/USTC until 2022-05-28 and not in use from then on" in str(refusal.value)
    assert "Load [2022-05-01, 2022-05-28) and [2022-05-28, 2022-06-01) separately" in str(refusal.value)
    for start, end in (("2022-05-01", "2022-05-28"), ("2022-05-28", "2022-06-01")):
        assert found.in_window(window(start, end)) == found.on(date.fromisoformat(start))


def test_a_change_of_another_market_does_not_matter():
    assert markets(BTCUSDT="BTC/USDT").in_window(window("2017-08-17", "2024-01-01")) == {
        "binance": [Market("BTCUSDT", "BTC", "USDT")]
    }


def test_names_that_were_not_in_use_are_reported():
    found = markets(BCCUSDT="BCC/USDT", BTCUSDT="BTC/USDT")
    assert found.unused(date(2024, 1, 1)) == {"binance": ["BCCUSDT"]}
    assert found.unused(date(2018, 1, 1)) == {}


def test_two_symbols_of_the_same_market_are_refused():
    with pytest.raises(MarketSettingsError, match="BCHSVUSDT and BSVUSDT of binance are the same market, BSV/USDT"):
        markets(BCHSVUSDT="BCHSV/USDT", BSVUSDT="BSV/USDT")


def test_both_names_of_an_asset_whose_renaming_has_no_day_yet_can_be_listed():
    """No source was found for the day on which Binance renamed NANO to XNO."""
    found = markets(NANOUSDT="NANO/USDT", XNOUSDT="XNO/USDT")
    assert names(found, date(2022, 1, 1)) == {"NANOUSDT": "NANO/USDT", "XNOUSDT": "XNO/USDT"}


@pytest.mark.parametrize(
    "pair", ["A/B/USDT", "B-T/USDT", "/USDT", "BTC/", "A" * 33 + "/USDT", "BTC/" + "U" * 17, "\u0411/X"]
)
def test_names_that_do_not_fit_into_the_tables_are_refused(pair):
    with pytest.raises(MarketSettingsError, match="BTCUSDT of binance is the market"):
        markets(BTCUSDT=pair)


def test_the_refusal_of_many_symbols_names_some():
    message = str(unlisted("binance", [f"C{number}" for number in range(25)]))
    assert "C0, C1" in message
    assert "C19 and 5 more. " in message
