"""The marts after merges and removals with the SQL of their tasks, which write the load log themselves."""

from __future__ import annotations

import pytest

from tests.support.window_loads import BTC, candles, remove

ALL = range(24)
DAYS = ("2023-12-18", "2023-12-19", "2023-12-20")
USD = "BTC/USD"


@pytest.fixture
def loaded(client, marts, make_load):
    """Load three days of two sources in one window, and refresh the marts."""
    both = [
        each
        for day in DAYS
        for each in candles(BTC, day=day, hours=ALL) + candles(USD, day=day, hours=ALL, source="coinbase")
    ]
    make_load(both, start="2023-12-18", end="2023-12-21").complete()
    assert marts.refresh().full


def check_refresh(marts):
    """Refresh the marts from the log, compare them with a rebuild, and return Bitcoin's days on Binance."""
    assert not marts.refresh().full
    assert marts.plan() is None
    refreshed = marts.contents()
    marts.refresh(full=True)
    assert marts.contents() == refreshed
    rows = [row for row in refreshed["daily_prices"] if row["source"] == "binance"]
    return {row["price_date"]: (row["candles"], row["close_price"][:3]) for row in rows}


def test_a_merge_of_several_days_changes_the_marts_of_all_of_them(loaded, marts, make_load):
    restated = [each for day in DAYS[:2] for each in candles(BTC, day=day, hours=ALL, price="2.5")]
    make_load(restated, start="2023-12-18", end="2023-12-20").complete()
    assert check_refresh(marts) == {DAYS[0]: (24, "2.5"), DAYS[1]: (24, "2.5"), DAYS[2]: (24, "1.5")}


def test_a_removal_over_midnight_changes_the_marts_of_both_days(loaded, client, marts):
    assert remove(client, BTC, "2023-12-18 20:00", "2023-12-19 04:00").error is None
    assert check_refresh(marts) == {DAYS[0]: (20, "1.5"), DAYS[1]: (20, "1.5"), DAYS[2]: (24, "1.5")}


def test_the_removal_of_whole_days_removes_their_rows_and_a_later_load_brings_them_back(
    loaded, client, marts, make_load
):
    assert remove(client, BTC, "2023-12-19", "2023-12-21").error is None
    assert check_refresh(marts) == {DAYS[0]: (24, "1.5")}
    later = [each for day in DAYS[1:] for each in candles(BTC, day=day, hours=ALL)]
    make_load(later, start="2023-12-19", end="2023-12-21", fetched_at="2099-01-01 00:00:00").complete()
    assert check_refresh(marts) == dict.fromkeys(DAYS, (24, "1.5"))
