import pytest
from crypto_prices.plan.skip_reason import EmptyWindowError, reason_to_skip
from crypto_prices.xcom.batch import Batch

from tests.support.current_loads import batch, fetched, load

PUBLISHED = {"2023-12-18": "jr_1"}


def test_the_same_content_is_skipped_and_its_load_is_named():
    reason = reason_to_skip(batch(fetched()), [load()], PUBLISHED)
    assert reason is not None
    assert "already holds exactly this content" in reason
    assert "binance by batch b1 at 2023-12-19 00:05:00 UTC" in reason


@pytest.mark.parametrize(
    "current",
    [
        [],
        [load(content_hash="h2")],
        [load(status="merged")],
        [load(is_recorded=0)],
        [load(window_start="2023-12-01")],
        [load(window_end="2023-12-31")],
        [load(rows_now=23)],
        [load(source="coinbase")],
    ],
    ids=[
        "never",
        "other content",
        "half-way",
        "not recorded",
        "wider before",
        "wider after",
        "rows gone",
        "other source",
    ],
)
def test_anything_else_is_loaded(current):
    assert reason_to_skip(batch(fetched()), current, PUBLISHED) is None


def test_a_difference_in_one_of_two_sources_is_enough_to_load():
    both = batch(fetched(), fetched("coinbase"))
    assert reason_to_skip(both, [load(), load("coinbase")], PUBLISHED)
    assert reason_to_skip(both, [load(), load("coinbase", content_hash="h2")], PUBLISHED) is None
    assert reason_to_skip(both, [load()], PUBLISHED) is None


@pytest.mark.parametrize("published", [{}, {"2023-12-18": "jr_2"}, {"2023-12-18": ""}], ids=["none", "other", "blank"])
def test_a_catalog_that_differs_from_the_warehouse_causes_a_load(published):
    assert reason_to_skip(batch(fetched()), [load()], published) is None


def test_a_day_missing_from_the_catalog_is_loaded_unless_it_has_no_candles():
    two_days = Batch("b2", "stg", "2023-12-18", "2023-12-20", [fetched()])
    both = load(window_end="2023-12-20", days_now="2023-12-19,2023-12-18")
    assert reason_to_skip(two_days, [both], PUBLISHED) is None
    assert reason_to_skip(two_days, [both], PUBLISHED | {"2023-12-19": "jr_1"})
    assert reason_to_skip(two_days, [both | {"days_now": "2023-12-18"}], PUBLISHED)


def test_a_window_without_any_candle_is_not_loaded():
    reason = reason_to_skip(batch(fetched(records=0)), [load(rows_in_window=0)], {})
    assert reason is not None
    assert "no source has a candle" in reason


def test_an_exchange_that_forgets_a_window_cannot_empty_the_warehouse():
    with pytest.raises(EmptyWindowError, match="the warehouse holds 24"):
        reason_to_skip(batch(fetched(records=0)), [load()], PUBLISHED)
