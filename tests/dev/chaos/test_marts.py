"""How a refresh of the marts is broken, recovered and judged, without Airflow."""

import re
from types import SimpleNamespace
from unittest.mock import MagicMock

import pytest

from dev.chaos import marts
from dev.chaos.boundaries import MARTS_DAY
from dev.chaos.cases import Case, Recovery
from dev.chaos.faults import Kind
from dev.chaos.marts import TABLES, MartRefreshes

OLD, NEW, HALF = ([{"price": price, "through_load": load}] for price, load in ((1, 1), (2, 2), (3, 2)))
FULL = [{"price": 2, "through_load": 9}]
STATEMENTS = ["refresh_marts: statement marts/record_refresh", "refresh_marts: commit"]


class Warehouse:
    """A warehouse whose marts have the next of some contents each time that they are read."""

    def __init__(self, *contents, through_load=7):
        self.contents, self.through_load = list(contents), through_load

    def answer(self, _):
        return [{"through_load": self.through_load, "newest_load": 7, "marts_digest": "d"}]

    def rows(self, sql):
        if "load_log" in sql:
            return [{"load_number": 7, "window_start": "2022-01-01"}]
        return self.contents.pop(0) if sql.endswith(TABLES[-1]) else self.contents[0]

    def change(self, *_): ...

    def answer_batch(self, _): ...


def outcome(recovery, contents, *states, fires=1, through_load=7, kind=Kind.REFUSED):
    """Return the outcome of a case, given the marts' contents and the states of the run each time they are read."""
    bench, armed = MagicMock(), []
    bench.warehouse = Warehouse(*contents, through_load=through_load)
    bench.faults.arm.side_effect = armed.append
    bench.faults.disarm.side_effect = lambda _: setattr(armed[0], "fired", fires)
    bench.api.dag_runs.return_value = []
    bench.api.task_instances.return_value = []
    bench.api.dag_run.side_effect = [{"state": state} for state in states]
    (found,) = MartRefreshes(bench).run([Case("refresh_marts: commit", kind, recovery)])
    return SimpleNamespace(found=found, api=bench.api, fault=armed[0])


def test_a_retried_refresh_that_equals_a_full_one_has_no_difference():
    done = outcome(Recovery.RETRY, [OLD, NEW, FULL], "success", "success")
    assert (done.found.differences, done.found.problem, done.found.overcome) == ([], None, False)
    assert (done.fault.day, done.fault.times) == (MARTS_DAY, 1)


@pytest.mark.parametrize("between", [OLD, NEW], ids=["old", "new"])
def test_a_failed_refresh_is_cleared_and_leaves_the_old_or_the_new_content(between):
    done = outcome(Recovery.CLEAR_FAILED, [OLD, between, NEW, FULL], "failed", "success")
    assert done.found.differences == []
    assert done.fault.times is None
    assert done.api.clear_run.call_args.kwargs == {"only_failed": True}


def test_half_of_a_refresh_is_a_difference():
    done = outcome(Recovery.CLEAR_ALL, [OLD, HALF, NEW, FULL], "failed", "success")
    assert done.found.differences == ["after the failure the marts have neither the old nor the new content"]


def test_marts_that_do_not_equal_a_full_refresh_are_a_difference_for_each_table():
    differences = outcome(Recovery.RETRY, [OLD, HALF, FULL], "success", "success").found.differences
    assert [text.partition(":")[0] for text in differences] == list(TABLES)


def test_a_wrong_watermark_is_a_difference():
    (difference,) = outcome(Recovery.RETRY, [OLD, NEW, FULL], "success", "success", through_load=6).found.differences
    assert "watermark is 6, not load 7" in difference


def test_a_run_that_stays_failed_is_a_difference():
    (difference,) = outcome(Recovery.CLEAR_ALL, [OLD, OLD, NEW, FULL], "failed", "failed").found.differences
    assert "has failed" in difference


def test_a_full_refresh_replaces_the_failed_run():
    done = outcome(Recovery.REPROCESS, [OLD, OLD, NEW, FULL], "failed", "success")
    assert done.found.differences == []
    assert done.api.trigger.call_args.kwargs["conf"] == {"full_refresh": True}


def test_a_fault_that_never_fired_is_a_problem_and_a_survived_one_is_overcome():
    assert "never fired" in outcome(Recovery.RETRY, [OLD, NEW, FULL], "success", "success", fires=0).found.problem
    assert outcome(Recovery.CLEAR_FAILED, [OLD, NEW, FULL], "success", "success").found.overcome


def test_a_late_call_is_waited_for(monkeypatch):
    slept = []
    monkeypatch.setattr(marts.time, "sleep", slept.append)
    monkeypatch.setattr(marts, "Fault", lambda *a, on_fire, **k: on_fire() or SimpleNamespace(
        day=MARTS_DAY, boundary="x", kind=Kind.SLOW, fired=1))  # fmt: skip
    outcome(Recovery.RETRY, [OLD, NEW, FULL], "success", "success", kind=Kind.SLOW)
    assert slept[-1] > marts.SLOW_SECONDS


def test_what_the_comparison_does_is_no_boundary_of_a_refresh():
    effects, seen = ["submit plan_refresh", "submit refresh_marts", *STATEMENTS], []
    bench = MagicMock()
    bench.warehouse = Warehouse(OLD, OLD, OLD, NEW, NEW)
    bench.warehouse.answer_batch = lambda _: seen.append("refresh_marts: statement marts/find_work")
    bench.faults.seen.side_effect = lambda _: list(seen)
    bench.api.trigger.side_effect = lambda *_, **__: seen.extend(effects)
    bench.api.dag_run.return_value = {"state": "success"}
    assert MartRefreshes(bench).clean_run() == effects


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (NEW, NEW, "the refresh had nothing to change"),
        (OLD, [{"price": None, "through_load": 2}], "no consensus has a price"),
        (OLD, [], "sources, assets, .* have no rows"),
    ],
    ids=["unchanged", "no price", "empty"],
)
def test_a_refresh_with_nothing_at_stake_is_a_problem(old, new, problem):
    found = outcome(Recovery.RETRY, [old, new, new], "success", "success").found
    assert found.differences == []
    assert re.fullmatch(problem, found.problem)


def test_a_clean_refresh_that_changes_nothing_ends_the_run():
    bench = MagicMock()
    bench.warehouse = Warehouse(*[NEW] * 5)
    bench.api.dag_run.return_value = {"state": "success"}
    with pytest.raises(RuntimeError, match="proves nothing: the refresh had nothing to change"):
        MartRefreshes(bench).clean_run()
