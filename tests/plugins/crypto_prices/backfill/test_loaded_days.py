import pytest
from crypto_prices.backfill.loaded_days import loaded_days
from crypto_prices_contract.window import Window

from tests.support.backfill_plans import JANUARY, MARKETS, day, load


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
def test_an_incomplete_day_is_not_loaded(loads):
    assert loaded_days(JANUARY, MARKETS, loads) == {}


def test_a_correct_load_repairs_the_days_of_an_incorrect_one():
    loads = [load(5, 6, status="merged"), load(5, 5, number=2)]
    assert loaded_days(JANUARY, MARKETS, loads) == {day(5): "b2"}


def test_several_loads_can_cover_a_day_together():
    loads = [load(5, 5, markets=["BTC/USDT"]), load(1, 20, number=2, markets=["ETH/USDT"])]
    assert loaded_days(JANUARY, MARKETS, loads) == {day(5): "b1, b2"}


def test_a_load_that_reaches_beyond_the_span_counts_for_the_days_inside():
    span = Window(day(4), day(6))
    assert set(loaded_days(span, MARKETS, [load(1, 31)])) == {day(4), day(5)}
