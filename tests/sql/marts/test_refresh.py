"""The refresh itself: what is planned, that it is one transaction, and that an old one can run again."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta

import jinja2
import pytest
from crypto_prices.fetch.sources import source_kinds

from tests.support.mart_refreshes import DAY, SQL, Candle, Marts, environment, load


def closes(marts: Marts) -> dict[str, str]:
    """Return the daily closes without their zeros."""
    return {row["price_date"]: row["close_price"].rstrip("0").rstrip(".") for row in marts.rows("daily_prices")}


def test_the_first_refresh_is_full_and_the_next_ones_add_the_new_loads(marts):
    load(marts, DAY)
    first = marts.refresh()
    assert (first.full, first.through_load) == (True, 1)
    assert marts.plan() is None
    load(marts, DAY, "101")
    load(marts, date(2024, 1, 8), "102")
    second = marts.refresh()
    assert (second.full, second.after_load, second.through_load) == (False, 1, 3)
    assert (second.first_day, second.end_day) == ("2024-01-05", "2024-01-09")
    assert closes(marts) == {"2024-01-05": "101", "2024-01-08": "102"}
    assert marts.plan() is None


def of_a_bundle_with_another_statement() -> jinja2.Environment:
    """Return templates in which candles of an hour are too long to count."""
    limits = (SQL / "marts" / "limits.jinja").read_text()
    return environment({"marts/limits.jinja": limits.replace("3600", "1800")})


def of_a_bundle_with_another_dimension() -> jinja2.Environment:
    """Return templates in which every source is an aggregator."""
    made = environment()
    made.globals["source_kinds"] = lambda: dict.fromkeys(source_kinds(), "aggregator")
    return made


@pytest.mark.parametrize(
    ("deployed", "left_out"),
    [(of_a_bundle_with_another_statement, "long_candle"), (of_a_bundle_with_another_dimension, "aggregator")],
)
def test_a_changed_statement_or_dimension_makes_the_next_refresh_full(marts, deployed, left_out):
    load(marts, DAY)
    marts.refresh()
    assert {row["left_out"] for row in marts.rows("venue_prices")} == {None}
    marts.templates = deployed()
    # There is no new load.
    planned = marts.refresh()
    assert (planned.full, planned.reason) == (True, "the SQL of the marts has changed")
    assert {row["left_out"] for row in marts.rows("venue_prices")} == {left_out}
    assert marts.plan() is None


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("is_cleared_while_deployed", [False, True])
def test_a_cleared_refresh_never_mixes_the_rows_of_two_bundles(marts, full, is_cleared_while_deployed):
    load(marts, DAY - timedelta(days=1))
    marts.refresh()
    load(marts, DAY)
    failed = marts.plan(full=full)
    marts.templates = of_a_bundle_with_another_statement()
    if is_cleared_while_deployed:
        marts.run(failed)
    else:
        marts.refresh()
    # The other bundle was wrong.
    marts.templates = environment()
    if not is_cleared_while_deployed:
        marts.run(failed)
    marts.refresh()
    assert {row["left_out"] for row in marts.rows("venue_prices")} == {None}
    assert marts.plan() is None


def test_a_user_can_ask_for_a_full_refresh(marts):
    load(marts, DAY)
    marts.refresh()
    marts.client.ok("UPDATE crypto.daily_prices SET close_price = 1")
    assert marts.plan() is None
    marts.refresh(full=True)
    assert closes(marts) == {"2024-01-05": "100"}


def test_a_refresh_calculates_only_the_days_of_the_new_loads_and_those_that_depend_on_them(marts):
    for back in range(3):
        load(marts, DAY - timedelta(days=back))
    marts.refresh()
    load(marts, DAY - timedelta(days=1), "101")
    marts.refresh()
    through = {mart: {} for mart in ("daily_prices", "price_statistics", "venue_prices")}
    for mart, found in through.items():
        for row in marts.rows(mart):
            found.setdefault(row["through_load"], set()).add(row.get("price_date", row.get("hour_end", ""))[:10])
    # The return of the day after depends on the changed close, and every later statistic.
    assert through["daily_prices"] == {3: {"2024-01-03"}, 4: {"2024-01-04", "2024-01-05"}}
    assert through["price_statistics"] == {3: {"2024-01-03"}, 4: {"2024-01-04", "2024-01-05"}}
    # The last hour of a day ends at midnight.
    assert through["venue_prices"][4] == {"2024-01-04", "2024-01-05"}
    assert sum(row["through_load"] == 4 for row in marts.rows("venue_prices")) == 24


def test_a_refresh_that_fails_anywhere_changes_nothing_and_can_run_again(marts):
    load(marts, DAY)
    marts.refresh()
    before = marts.contents()
    load(marts, DAY, "101")
    planned = marts.plan()
    statements = marts.statements(planned)
    for number in {1, len(statements), *range(3, len(statements), 4)}:
        outcome = marts.client.batch(*statements[:number], "SELECT 1 / (through_load * 0) FROM crypto.mart_state")
        assert outcome.status == "FAILED"
        assert marts.contents() == before
        assert marts.plan() == planned
    marts.run(planned)
    assert closes(marts) == {"2024-01-05": "101"}


def test_a_refresh_whose_response_was_lost_gives_the_same_when_its_task_tries_again(marts):
    load(marts, DAY)
    planned = marts.refresh()
    first = marts.contents()
    marts.run(planned)
    assert marts.contents() == first
    assert marts.plan() is None


def test_an_old_refresh_that_runs_again_neither_moves_the_watermark_back_nor_skips_loads(marts):
    load(marts, DAY)
    marts.refresh()
    load(marts, DAY, "101")
    old = marts.refresh()
    load(marts, DAY, "102")
    marts.refresh()
    marts.run(old)
    assert marts.plan() is None
    assert closes(marts) == {"2024-01-05": "102"}
    # The warehouse was restored to a time before the old refresh.
    marts.client.ok("UPDATE crypto.mart_state SET through_load = 0")
    marts.run(old)
    assert marts.plan().after_load == 0


def test_a_restored_warehouse_whose_log_is_behind_the_marts_gets_a_full_refresh(marts):
    load(marts, DAY)
    marts.refresh()
    marts.client.ok("UPDATE crypto.mart_state SET through_load = 7")
    planned = marts.refresh()
    assert (planned.full, planned.through_load) == (True, 1)
    assert marts.plan() is None


def test_two_refreshes_at_the_same_time_give_the_same_as_one_after_the_other(marts):
    load(marts, DAY)
    marts.refresh()
    load(marts, DAY, "101")
    first = marts.plan()
    load(marts, DAY + timedelta(days=1), "102")
    second = marts.plan()
    with ThreadPoolExecutor(2) as pool:
        for ended in [pool.submit(marts.run, planned) for planned in (first, second)]:
            ended.result()
    assert marts.plan() is None
    refreshed = marts.contents()
    marts.refresh(full=True)
    assert marts.contents() == refreshed


def test_the_removal_of_all_candles_of_a_day_empties_the_marts(marts):
    load(marts, DAY)
    marts.refresh()
    assert all(marts.rows(mart) for mart in ("daily_prices", "price_statistics", "consensus_prices"))
    marts.load("coinbase", DAY, DAY + timedelta(days=1), [])
    marts.refresh()
    assert not any(
        marts.rows(mart)
        for mart in ("daily_prices", "price_statistics", "quote_rates", "venue_prices", "consensus_prices")
    )


@pytest.mark.parametrize("price", ["0", "0.000000000000000001"])
def test_a_price_that_no_one_expects_never_stops_the_marts(marts, price):
    load(marts, DAY)
    load(marts, DAY + timedelta(days=1), price)
    load(marts, DAY + timedelta(days=2))
    marts.refresh()
    assert len(closes(marts)) == 3


def test_a_day_with_two_intervals_is_counted_once(marts):
    start = datetime.combine(DAY, datetime.min.time())
    times = [start + timedelta(minutes=5 * number) for number in range(288)]
    five_minutes = [Candle("coinbase", "BTC", "USD", "5m", opens_at, *["7"] * 4, "1", None, 1) for opens_at in times]
    load(marts, DAY)
    marts.load("coinbase", DAY, DAY + timedelta(days=1), five_minutes, "5m")
    marts.refresh()
    (row,) = marts.rows("daily_prices")
    # Both cover the whole day, and the tie goes to the shortest.
    assert (row["candle_interval"], row["candles"], row["base_volume"][:4]) == ("5m", 288, "288.")
    marts.load("coinbase", DAY, DAY + timedelta(days=1), five_minutes[:-13], "5m")
    marts.refresh()
    assert marts.rows("daily_prices")[0]["candle_interval"] == "1h"
