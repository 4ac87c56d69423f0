import dataclasses
from datetime import timedelta
from pathlib import Path

import pytest
from airflow.dag_processing.dagbag import DagBag
from crypto_prices.audit.days_to_heal import (
    NOT_PUBLISHED,
    RAW_MISSING,
    ROWS_MISSING,
    UNFETCHED,
    find_reasons,
)
from crypto_prices.backfill.loaded_days import Load
from crypto_prices.fetch.markets import MarketsByDay, Pair
from crypto_prices_contract.window import Window

from tests.support.healing_plans import BTC, ETH, SPAN, day, place, plan

MARKETS = MarketsByDay({"binance": {"BTCUSDT": Pair.parse(BTC), "ETHUSDT": Pair.parse(ETH)}})


def load(first=1, last=7, *, number=1, markets=(BTC, ETH), manifest="s3://lake/1", source="binance"):
    window = Window(day(first), day(last) + timedelta(days=1))
    return Load(
        source, f"b{number}", window, frozenset(markets), number, "loaded", True, 1, 1, f"jr_{number}", manifest, False
    )


def reasons(*, loads=None, rows=None, gaps=None, lost=(), again=(), shown=None):
    loads = [load()] if loads is None else loads
    published = {
        date.isoformat(): each.glue_job_run_id
        for each in sorted(loads, key=lambda each: each.load_number)
        for date in each.window.days()
    }
    whole = {place(number, market): 24 for number in range(1, 8) for market in (BTC, ETH)}
    return find_reasons(
        SPAN,
        markets=MARKETS,
        candles_a_day=24,
        loads=loads,
        rows=whole | (rows or {}),
        gaps=gaps or {},
        shown={date: run for date, run in (published | (shown or {})).items() if run is not None},
        lost_manifests=lost,
        ask_again=again,
    )


def test_a_complete_span_needs_no_healing():
    assert reasons() == {}
    assert plan({}).windows == []


@pytest.mark.parametrize("rows", [0, 20])
def test_a_day_with_removed_candles_is_left_alone(rows):
    """A load would bring them back."""
    gaps = {place(3): {"removed": 24 - rows - 1, "quarantined": 1}}
    wrong = {"lost": ["s3://lake/1"], "again": ["quarantined"], "shown": {"2024-01-03": "jr_other"}}
    found = reasons(rows={place(3): rows}, gaps=gaps, **wrong)
    assert place(3) not in found
    assert place(3, ETH) in found


def test_a_day_that_lost_more_than_its_removed_candles_is_healed():
    assert reasons(rows={place(3): 19}, gaps={place(3): {"removed": 4}}) == {place(3): ROWS_MISSING}


def test_explained_gaps_need_no_healing():
    assert reasons(rows={place(3): 20}, gaps={place(3): {"no_trade": 3, "venue_down": 1}}) == {}
    assert reasons(rows={place(3): 19}, gaps={place(3): {"no_trade": 3, "venue_down": 1}}) == {place(3): ROWS_MISSING}
    assert reasons(rows={place(3): 0}, gaps={place(3): {"not_listed": 24}}) == {}


def test_a_day_without_a_load_is_unfetched():
    rows = {place(6): 0, place(7): 0}
    loads = [load(1, 5), load(6, 7, markets=[ETH], number=2)]
    assert reasons(loads=loads, rows=rows) == {place(6): UNFETCHED, place(7): UNFETCHED}


def test_missing_raw_objects_matter_only_for_days_without_a_newer_load():
    newer = load(3, 4, number=2, markets=[BTC], manifest="s3://lake/2")
    found = reasons(loads=[load(2, 4), newer, load(1, 1, manifest="s3://lake/3"), load(5, 7, manifest="s3://lake/4")],
                    lost=["s3://lake/1"])  # fmt: skip
    assert set(found) == {place(2), place(2, ETH), place(3, ETH), place(4, ETH)}
    assert set(found.values()) == {RAW_MISSING}


def test_candles_are_requested_again_only_for_the_given_reasons():
    gaps = {place(3): {"no_trade": 1}, place(4): {"quarantined": 1}, place(5, ETH): {"venue_down": 1, "no_trade": 1}}
    rows = {place(3): 23, place(4): 23, place(5, ETH): 22}
    assert reasons(rows=rows, gaps=gaps) == {}
    assert reasons(rows=rows, gaps=gaps, again=["quarantined", "venue_down"]) == {
        place(4): "quarantined", place(5, ETH): "venue_down",
    }  # fmt: skip


def test_the_missing_candles_of_a_day_that_a_user_accepted_are_not_requested_again():
    """For example, the exchange's outage, and the candles off the grid that it sent afterwards."""
    gaps = {place(4): {"quarantined": 20, "venue_down": 2}, place(5): {"quarantined": 24}}
    rows = {place(4): 2, place(5): 0}
    again = ["quarantined", "venue_down", "empty_day"]
    accepted = dataclasses.replace(load(4, 5, number=2, markets=[BTC]), is_accepted=True)
    assert reasons(loads=[load(), accepted], rows=rows, gaps=gaps, again=again) == {}
    # An acceptance explains missing candles, and nothing else.
    assert reasons(loads=[load(), accepted], rows=rows | {place(5): 1, place(4): 1}, gaps=gaps, again=again) == {
        place(4): ROWS_MISSING
    }
    assert reasons(rows=rows, gaps=gaps, again=again) == {place(4): "quarantined", place(5): "quarantined"}


@pytest.mark.parametrize("reason", ["empty_day", "empty_response"])
def test_candles_without_a_response_are_requested_again_by_default(reason):
    dag = DagBag(dag_folder=Path(__file__).parents[4] / "dags" / "crypto_prices_audit.py").dags["crypto_prices_audit"]
    found = reasons(rows={place(4): 0}, gaps={place(4): {reason: 24}}, again=dag.params["ask_again"])
    assert found == {place(4): reason}


def test_a_load_that_was_never_published_is_healed():
    late = dataclasses.replace(load(3, 3, number=9, markets=[BTC]), is_recorded=False)
    assert reasons(loads=[load(), late]) == {place(3): NOT_PUBLISHED}


def test_a_day_whose_partition_shows_an_older_load_is_healed():
    newer = load(3, 4, number=2, markets=[BTC])
    undone = {day(4).isoformat(): "jr_1"}
    assert reasons(loads=[load(), newer], shown=undone) == dict.fromkeys([place(4), place(4, ETH)], NOT_PUBLISHED)
    assert reasons(loads=[load(), newer], shown={day(4).isoformat(): ""}) != {}


def test_a_day_that_lost_its_rows_but_has_a_partition_is_healed():
    """A late call to the catalog can bring back the partition of a day that the newest load has emptied."""
    empty = {place(4): 0, place(4, ETH): 0}
    gaps = {key: {"no_trade": 24} for key in empty}
    emptied = {"loads": [load(), load(3, 4, number=2)], "rows": empty, "gaps": gaps}
    assert reasons(**emptied, shown={day(4).isoformat(): None}) == {}
    assert reasons(**emptied, shown={day(4).isoformat(): "jr_1"}) == dict.fromkeys(empty, NOT_PUBLISHED)


def test_a_fetched_window_without_candles_is_not_fetched_again():
    """Such a window has no load. Its gaps show that it was fetched."""
    rows = {place(6): 0, place(7): 0}
    empty = {place(6): {"not_listed": 24}}
    found = reasons(loads=[load(1, 5), load(6, 7, markets=[ETH], number=2)], rows=rows, gaps=empty)
    assert found == {place(7): UNFETCHED}


@pytest.mark.parametrize("number", [1, 7])
def test_the_first_and_last_day_of_the_span_are_audited(number):
    assert reasons(rows={place(number): 0}) == {place(number): ROWS_MISSING}
