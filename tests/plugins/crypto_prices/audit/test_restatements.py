from decimal import Decimal

import pytest
from crypto_prices.audit.days_to_heal import MarketDay
from crypto_prices.audit.plan_text import checks_as_text
from crypto_prices.audit.restatements import Check, Comparison, compare
from crypto_prices.fetch.sources.sent_candles import SentCandle, sent_candle
from crypto_prices_contract.window import Window

from tests.support.healing_plans import BTC, day

WINDOW = Window.of_day(day(3))
HOUR = 3_600_000
COLUMNS = {"close_price": Decimal("42000.100000000000000000"), "quote_volume": None}


def at(hour):
    return WINDOW.start_ms + hour * HOUR


def candle(hour, close="42000.1", **more):
    return SentCandle(at(hour), {"close_price": Decimal(close)} | more)


def compared(sent, hours=range(3), rejected=(), columns=COLUMNS):
    return compare(WINDOW, interval_ms=HOUR, sent=sent, loaded={at(hour): columns for hour in hours}, unloaded=rejected)


def test_the_same_candles_in_any_order_and_notation_do_not_differ():
    found = compared([candle(2, "42000.10"), candle(0, "4.20001e4"), candle(1), candle(1)])
    assert found == Comparison(compared=3)
    assert not found.differs


def test_a_changed_value_is_found_digit_for_digit():
    found = compared([candle(0), candle(1, "42000.100000000000000001"), candle(2)])
    assert found == Comparison(3, changed=1, example=found.example)
    assert found.example == "2024-01-03 01:00:00 close_price was 42000.1, is 42000.100000000000000001"


def test_new_and_vanished_candles_are_counted_separately():
    found = compared([candle(0), candle(1), candle(3), candle(4)])
    assert found == Comparison(5, added=2, vanished=1, example="2024-01-03 02:00:00 is no longer sent")
    assert found.differs


def test_a_number_that_is_null_now_or_was_null_is_a_change():
    assert compared([candle(0, quote_volume=Decimal(1))], range(1)).example.endswith("quote_volume was NULL, is 1")
    loaded = COLUMNS | {"quote_volume": Decimal(5)}
    assert compared([candle(0, quote_volume=None)], range(1), columns=loaded).example.endswith("was 5, is NULL")


def test_a_rounded_column_is_compared_with_the_rounded_number():
    columns = {"market_cap": Decimal("823000000000.12345679")}
    sent = SentCandle(at(0), {"market_cap": Decimal("823000000000.123456785")})
    assert not compared([sent], range(1), columns=columns).differs
    sent = SentCandle(at(0), {"market_cap": Decimal("823000000000.123456784")})
    assert compared([sent], range(1), columns=columns).changed == 1


@pytest.mark.parametrize("close", ["1e9999", "1e-9999", "-1e60"])
def test_absurd_numbers_are_changes(close):
    assert compared([candle(0, close)], range(1)).changed == 1


def test_candles_outside_the_day_and_rejected_ones_are_not_new():
    rejected = [(at(5), at(6))]
    assert not compared([candle(0), candle(1), candle(2), candle(-1), candle(24), candle(5)], rejected=rejected).differs
    assert compared([candle(0), candle(1), candle(2), candle(6)], rejected=rejected).added == 1
    assert not compared([candle(0), candle(1), candle(2)], rejected=[(at(0), at(3))]).differs


def test_a_record_off_the_grid_is_no_restatement_although_the_candles_around_it_are_loaded():
    """The Glue job rejects it. Another load would not change that."""
    late = SentCandle(at(1) + HOUR // 2, {"close_price": Decimal(7)})
    assert compared([candle(0), candle(1), late, candle(2)]) == Comparison(compared=3)


def test_copies_that_contradict_each_other_count_as_missing():
    """The Glue job rejects both."""
    assert compared([candle(0), candle(1), candle(1, "7"), candle(2)]).vanished == 1
    assert not compared([candle(0), candle(1), candle(2), candle(4), candle(4, "7")]).differs


@pytest.mark.parametrize("value", [None, "", "NaN", "0x1", "1 ", True, [1], {"a": 1}, ".5", "5."])
def test_a_record_whose_number_is_invalid_is_no_candle(value):
    assert list(sent_candle(at(0), {"close_price": value})) == []


def test_only_an_optional_number_may_be_null():
    found = list(sent_candle(at(0), {"close_price": "1.50", "trade_count": None}, frozenset({"trade_count"})))
    assert found == [SentCandle(at(0), {"close_price": Decimal("1.50"), "trade_count": None})]
    assert list(sent_candle(None, {"close_price": "1"})) == []


def test_the_log_has_a_row_for_each_day_that_is_not_the_same():
    places = [MarketDay("binance", BTC, day(number)) for number in (1, 2, 3)]
    checks = [
        Check(places[0], Comparison(24)),
        Check(places[1], Comparison(24, 1, 2, 3, "an example")),
        Check(places[2], Comparison(), "too old"),
    ]
    text = " ".join(checks_as_text(checks).split())
    assert text == (
        "Days of markets that were fetched again: 3 (1 differs, 1 refused, 1 same) "
        "binance BTC/USDT on 2024-01-02 1 changed, 2 added, 3 vanished an example "
        "binance BTC/USDT on 2024-01-03 refused too old"
    )
    assert checks_as_text([]) == ""
