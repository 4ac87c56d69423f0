"""The receipt of a day's row in the marts: its values are calculated again, and its candles are listed."""

from dataclasses import replace
from datetime import date

import pytest
from crypto_prices.receipts.daily_receipt import DailyEvidence, daily_receipt
from crypto_prices.receipts.question import ask

QUESTION = ask(market="BTC/USDT", source="binance", candle_interval="1h", mart="daily", day="2024-01-05")
DAY, BEFORE = "2024-01-05", "2024-01-04"


def candle(day, hour, close, *, interval="12h", volume="2", quote="200"):
    return {
        "candle_interval": interval,
        "observed_at": f"{day} {hour:02d}:00:00",
        **{"open_price": "100", "high_price": "130", "low_price": "90", "close_price": close},
        **{"base_volume": volume, "quote_volume": quote, "trade_count": 3, "valid_from_load": 7},
    }


CANDLES = (
    *(candle(BEFORE, hour, "100") for hour in (0, 12)),
    *(candle(DAY, 0, "105"), candle(DAY, 12, "110")),
    # Covers less of the day.
    candle(DAY, 3, "999", interval="1h"),
)
ROW = {
    "price_date": DAY,
    "candle_interval": "12h",
    **{"open_price": "100", "high_price": "130.0", "low_price": "90", "close_price": "110"},
    "close_observed_at": f"{DAY} 12:00:00",
    **{"base_volume": "4", "quote_volume": "400", "trade_count": 6, "vwap": 100.0, "vwap_method": "exact"},
    **{"candles": 2, "expected_candles": 2, "traded_candles": 2, "is_complete": True},
    **{"return_1d": 0.10000000000000009, "log_return": "0.095310179804", "through_load": 7},
}
GOOD = DailyEvidence(QUESTION, (ROW,), CANDLES, through_load=9, newest_load=7)


def changed(**values):
    return replace(GOOD, rows=(ROW | values,))


def test_an_intact_row_shows_its_values_and_its_candles():
    receipt = daily_receipt(GOOD)
    assert receipt.verdict == "intact (1 of 1)", receipt.to_text()
    assert "close 110 USDT" in receipt.to_text()
    assert "2 of 2 candles of 12h, with values of loads 7" in receipt.to_text()
    assert "2024-01-05 12:00:00Z close 110 volume 2 load 7" in receipt.to_text()
    assert "999" not in receipt.to_text()


@pytest.mark.parametrize(
    ("column", "value"),
    [
        *(("candle_interval", "1h"), ("open_price", "101"), ("high_price", "131"), ("low_price", "91")),
        *(("close_price", "110.000000000000000001"), ("close_observed_at", f"{DAY} 11:00:00"), ("base_volume", None)),
        *(("quote_volume", "401"), ("trade_count", 7), ("vwap", 100.0001), ("vwap_method", "typical")),
        *(("candles", 3), ("expected_candles", 24), ("traded_candles", 1), ("is_complete", False)),
        *(("return_1d", 0.1001), ("return_1d", None), ("log_return", "0.0954")),
    ],
)
def test_another_value_breaks_the_mart(column, value):
    receipt = daily_receipt(changed(**{column: value}))
    assert receipt.broken == ["mart"]
    assert f"{column} is {value} instead of " in receipt.to_text()


def test_a_row_that_lacks_a_load_is_not_called_broken():
    receipt = daily_receipt(replace(changed(close_price="109"), newest_load=10))
    assert receipt.broken == []
    assert "[not shown] the marts lack load 10" in receipt.to_text()


def test_a_missing_row_of_marts_that_lack_a_load_is_not_blamed_on_the_candles():
    receipt = daily_receipt(replace(GOOD, rows=(), newest_load=10))
    assert receipt.broken == []
    assert "the marts lack load 10" in receipt.answer


def test_a_missing_row_is_broken_only_if_there_are_candles():
    assert daily_receipt(replace(GOOD, rows=())).broken == ["mart"]
    receipt = daily_receipt(replace(GOOD, rows=(), candles=CANDLES[:2]))
    assert (receipt.broken, receipt.answer) == ([], "missing: no candle of the day has a close")


def test_without_quote_volumes_the_typical_price_counts():
    candles = tuple(one | {"quote_volume": None} for one in CANDLES)
    # (130 + 90 + 105) / 3 and (130 + 90 + 110) / 3, with equal volumes
    row = ROW | {"quote_volume": None, "vwap": (325 / 3 + 330 / 3) / 2, "vwap_method": "typical"}
    assert daily_receipt(replace(GOOD, rows=(row,), candles=candles)).broken == []


CHEAP = {"open_price": "1e-9", "high_price": "1e-9", "low_price": "1e-9", "close_price": "1e-9"}


@pytest.mark.parametrize(("quote", "method"), [("2e-9", "exact"), (None, "typical")])
def test_the_vwap_of_a_cheap_market_is_checked_too(quote, method):
    candles = tuple(one | CHEAP | {"quote_volume": quote} for one in CANDLES)
    total = quote and "4e-9"
    row = ROW | CHEAP | {"quote_volume": total, "vwap_method": method, "return_1d": 0.0, "log_return": "0"}
    verdicts = {
        vwap: daily_receipt(replace(GOOD, rows=(row | {"vwap": vwap},), candles=candles)).broken
        for vwap in (1e-9, 0.0, 1.01e-9)
    }
    assert verdicts == {1e-9: [], 0.0: ["mart"], 1.01e-9: ["mart"]}


def test_a_typical_price_can_have_the_error_of_its_rounded_terms():
    candles = tuple(one | CHEAP | {"quote_volume": None, "base_volume": "0.0015"} for one in CANDLES)
    # Each term, 1.5e-12, was rounded to 2e-12.
    row = ROW | CHEAP | {"base_volume": "0.003", "quote_volume": None, "vwap": 4e-12 / 0.003}
    row |= {"vwap_method": "typical", "return_1d": 0.0, "log_return": "0"}
    assert daily_receipt(replace(GOOD, rows=(row,), candles=candles)).broken == []


@pytest.mark.parametrize(
    ("column", "value", "row"),
    [
        ("base_volume", "45000000000000000000", {"base_volume": None, "vwap": None, "vwap_method": None}),
        # The typical price is left.
        ("quote_volume", "45000000000000000000", {"quote_volume": None, "vwap": 109.16666666666667}),
        ("trade_count", 4500000000000000000, {"trade_count": None}),
    ],
)
def test_a_sum_that_might_not_fit_is_null(column, value, row):
    candles = tuple(one | {column: value} for one in CANDLES)
    expected = ROW | {"vwap_method": "typical" if column == "quote_volume" else "exact"} | row
    assert daily_receipt(replace(GOOD, rows=(expected,), candles=candles)).broken == []


def test_a_day_after_an_incomplete_one_has_no_return():
    without_last = tuple(one for one in CANDLES if one["observed_at"] != f"{BEFORE} 12:00:00")
    row = ROW | {"return_1d": None, "log_return": None}
    assert daily_receipt(replace(GOOD, rows=(row,), candles=without_last)).broken == []
    assert QUESTION.day == date(2024, 1, 5)
