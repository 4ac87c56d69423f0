from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from dev.chaos.cases import Case, Recovery
from dev.chaos.command import WAVE_SIZE, _Harness, guard_waves, parse_options, shown_by
from dev.chaos.faults import Kind
from dev.chaos.guards import GUARDS
from dev.chaos.waves import FIRST_DAY, MUST_FAIL, Outcome, Waves

GUARD = GUARDS["replace-not-append"]
SHOWN = "the fact table has 96 rows instead of 48: 0 are missing, 48 are wrong or duplicate"
STAYED = Case("put raw manifest #1", Kind.LOST, Recovery.CLEAR_FAILED)


@pytest.mark.parametrize("name", GUARDS)
def test_unrelated_differences_do_not_reveal_a_missing_guard(name):
    outcome = Outcome(GUARDS[name].off, FIRST_DAY)
    assert shown_by(outcome) is None
    outcome.differences += ["run once__2022-01-01 has failed: reconcile: timed out", "no other merge started"]
    assert shown_by(outcome) is None


@pytest.mark.parametrize("happening", MUST_FAIL)
def test_a_load_that_should_have_failed_reveals_the_missing_guard(happening):
    (guard,) = [guard for guard in GUARDS.values() if guard.case.happening == happening]
    outcome = Outcome(guard.off, FIRST_DAY, differences=[MUST_FAIL[happening]])
    assert shown_by(outcome) == MUST_FAIL[happening]


@pytest.mark.parametrize("guard", GUARDS.values(), ids=GUARDS)
def test_a_guard_and_its_control_differ_only_in_the_guard(guard):
    assert guard.off == replace(guard.control, guard_off=guard.name)
    assert guard.off.is_forced == guard.control.is_forced
    assert guard.off.has_surplus == guard.control.has_surplus
    # A guard is switched off for one day, so its control needs a different day.
    waves = Waves(None)
    assert waves._take_day(guard.off) != waves._take_day(guard.control)


def test_guards_that_disturb_other_cases_run_in_a_later_wave():
    calm, disturbing = guard_waves(list(GUARDS))
    assert len(calm) <= WAVE_SIZE
    assert set(disturbing) == {guard.off for guard in GUARDS.values() if guard.disturbs}
    assert {case.guard_off for case in disturbing} == {"merges-take-turns", "one-transaction"}
    everything = {case for guard in GUARDS.values() for case in (guard.off, guard.control)}
    assert set(calm) == everything - set(disturbing)


def conclude(*outcomes, off=(SHOWN,), control=()):
    options = parse_options(["--guard-off", GUARD.name])
    output = StringIO()
    harness = _Harness(options, Console(file=output, width=300), Path())
    guarded = [
        Outcome(case, FIRST_DAY, armed=True, fired=1, differences=list(differences))
        for case, differences in ((GUARD.off, off), (GUARD.control, control))
    ]
    code = harness._conclude(["put raw manifest #1"], list(outcomes), [], guarded, 1.0)
    return code, output.getvalue()


def test_a_noticed_missing_guard_passes():
    code, output = conclude()
    assert code == 0
    assert "1 of 1 missing guards were noticed, 1 of 1 cases are right with the guard" in output


def test_an_unnoticed_missing_guard_fails():
    assert conclude(off=["something else"])[0] == 1


def test_a_difference_that_also_occurs_with_the_guard_fails():
    code, output = conclude(control=[SHOWN])
    assert code == 1
    assert f"different, although the guard {GUARD.name} is on" in output
    assert "0 of 1 cases are right with the guard" in output


def test_an_inconclusive_case_is_an_error_not_a_verdict():
    code, output = conclude(Outcome(STAYED, FIRST_DAY, armed=True, problem="the fault never fired: timed out"))
    assert code == 1
    assert f"error: {STAYED.name}: the fault never fired: timed out" in output
    options = parse_options(["--guard-off", GUARD.name])
    screen = StringIO()
    guarded = [
        Outcome(GUARD.off, FIRST_DAY, differences=[SHOWN], problem="no load reached the guard"),
        Outcome(GUARD.control, FIRST_DAY),
    ]
    assert _Harness(options, Console(file=screen, width=300), Path())._conclude([], [], [], guarded, 1.0) == 1
    assert "0 of 1 missing guards were noticed" in screen.getvalue()


def test_an_overcome_fault_is_not_counted_as_a_recovery():
    recovered, overcome = (
        Outcome(STAYED, FIRST_DAY, armed=True, fired=1, overcome=overcome) for overcome in (False, True)
    )
    code, output = conclude(recovered, recovered, overcome)
    assert code == 0
    assert "3 cases: 2 combinations were recovered from, 1 faults were overcome" in output
    assert len([line for line in output.splitlines() if "overcome" in line and STAYED.name in line]) == 1
