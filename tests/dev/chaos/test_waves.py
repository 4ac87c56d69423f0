"""How a finished run is recovered and judged, without Airflow."""

from dataclasses import replace
from unittest.mock import MagicMock

import pytest

from dev.chaos.cases import NOTHING_BROKEN, Case, Happening, Recovery
from dev.chaos.faults import Fault, Kind
from dev.chaos.waves import FIRST_DAY, Waves, _Running

FAULT = Fault(FIRST_DAY, "put raw manifest #1", Kind.LOST, times=None)
MISSING = Case(NOTHING_BROKEN, None, Recovery.REPROCESS, Happening.CANDLE_MISSING)
LATER = Case("submit merge_into_fact", None, Recovery.CLEAR_ALL, Happening.FETCHED_LATER)


REFUSALS = {
    MISSING: "ERROR: CP-07 batch b would delete 1 candles",
    LATER: "ERROR: CP-06 batch b would add 0 candles and replace 48 that another load fetched later",
}


def recovered(
    case, *states, fault=FAULT, log="TimeoutError: timed out", log_of_teardown="RuntimeError: staging is kept"
):
    """Return the outcome of a run, and the API: the first state is before the recovery, the last one after it."""
    bench = MagicMock()
    bench.api.dag_run.side_effect = [{"state": state} for state in states]
    bench.api.dag_runs.return_value = []
    bench.api.backfills.return_value = []
    failed = [{"task_id": name, "try_number": 1, "map_index": -1} for name in ("drop_staging", "merge_into_fact")]
    bench.api.task_instances.return_value = failed
    logs = {"drop_staging": log_of_teardown, "merge_into_fact": log}
    bench.api.task_log.side_effect = lambda dag_id, run_id, task_id, *_, **__: logs[task_id]
    one = _Running(case, FIRST_DAY, fault, "run")
    Waves(bench)._recover([one])
    return one.outcome, bench.api


def called(api):
    return {name for name in ("clear_run", "clear_tasks", "create_backfill") if getattr(api, name).called}


@pytest.mark.parametrize(
    ("recovery", "done"),
    [
        (Recovery.CLEAR_FAILED, set()),
        (Recovery.CLEAR_ALL, {"clear_run"}),
        (Recovery.REPROCESS, {"create_backfill"}),
    ],
)
def test_a_run_that_succeeds_despite_its_permanent_fault_was_not_recovered(recovery, done):
    outcome, api = recovered(Case(FAULT.boundary, FAULT.kind, recovery), "success", "success")
    assert (outcome.overcome, outcome.differences, called(api)) == (True, [], done)


@pytest.mark.parametrize("recovery", [Recovery.CLEAR_FAILED, Recovery.CLEAR_ALL, Recovery.REPROCESS])
def test_a_failed_run_is_recovered(recovery):
    outcome, api = recovered(Case(FAULT.boundary, FAULT.kind, recovery), "failed", "success")
    assert (outcome.overcome, outcome.differences) == (False, [])
    assert called(api) == {"create_backfill" if recovery == Recovery.REPROCESS else "clear_run"}


def test_retries_and_runs_without_a_fault_overcome_nothing():
    assert not recovered(Case(FAULT.boundary, FAULT.kind, Recovery.RETRY), *["success"] * 2)[0].overcome
    damaged = Case(NOTHING_BROKEN, None, Recovery.CLEAR_FAILED, Happening.FACT_DAMAGED)
    assert not recovered(damaged, "success", "success", fault=None)[0].overcome


@pytest.mark.parametrize(("case", "fault"), [(MISSING, None), (LATER, FAULT)], ids=["missing", "later"])
def test_an_unforced_overwrite_must_have_been_refused(case, fault):
    assert recovered(case, "failed", "success", fault=fault, log=REFUSALS[case])[0].differences == []
    assert len(recovered(case, "success", "success", fault=fault)[0].differences) == 1
    (otherwise,) = recovered(case, "failed", "success", fault=fault)[0].differences
    assert "drop_staging: staging is kept; merge_into_fact: timed out" in otherwise


@pytest.mark.parametrize(("case", "fault"), [(MISSING, None), (LATER, FAULT)], ids=["missing", "later"])
def test_an_unforced_overwrite_must_have_been_refused_with_its_own_code(case, fault):
    (other,) = set(REFUSALS) - {case}
    for log in (REFUSALS[other], "ERROR: CP-02 staging table crypto.s has 1 rows, but the curation report counts 2"):
        assert len(recovered(case, "failed", "success", fault=fault, log=log)[0].differences) == 1
    elsewhere = recovered(case, "failed", "success", fault=fault, log_of_teardown=REFUSALS[case])[0].differences
    assert len(elsewhere) == 1


def problem(case, *, fired, left_out):
    bench = MagicMock()
    bench.signals.was_left_out.return_value = left_out
    bench.api.task_instances.return_value = []
    fault = None if case.kind is None else Fault(FIRST_DAY, case.boundary, case.kind, fired=fired)
    return Waves(bench)._problem(_Running(case, FIRST_DAY, fault, "run"))


BROKEN = Case(FAULT.boundary, FAULT.kind, Recovery.RETRY)


def test_a_fault_that_never_fired_is_a_problem_that_names_its_boundary():
    assert problem(BROKEN, fired=1, left_out=False) is None
    assert FAULT.boundary in problem(BROKEN, fired=0, left_out=False)


def test_a_guard_that_no_load_reached_is_a_problem_that_names_it():
    off = replace(BROKEN, guard_off="one-transaction")
    assert problem(off, fired=1, left_out=True) is None
    assert "one-transaction" in problem(off, fired=1, left_out=False)
