from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from dev.chaos.cases import Case, Recovery
from dev.chaos.command import WAVE_SIZE, _Harness, guard_waves, parse_options, shown_by
from dev.chaos.faults import Kind
from dev.chaos.guards import GUARDS
from dev.chaos.waves import FIRST_DAY, Outcome, Waves

GUARD = GUARDS["replace-not-append"]
SHOWN = "the fact table has 96 rows instead of 48: 0 are missing, 48 are wrong or double"
STAYED = Case("put raw manifest #1", Kind.LOST, Recovery.CLEAR_FAILED)


@pytest.mark.parametrize("name", GUARDS)
def test_a_guard_is_not_noticed_by_just_any_difference(name):
    outcome = Outcome(GUARDS[name].off, FIRST_DAY)
    assert shown_by(outcome) is None
    outcome.differences += ["run once__2022-01-01 has failed: reconcile: timed out", "no other merge came"]
    assert shown_by(outcome) is None


@pytest.mark.parametrize("guard", GUARDS.values(), ids=GUARDS)
def test_a_guard_and_its_control_differ_in_nothing_but_the_guard(guard):
    assert guard.off == replace(guard.control, guard_off=guard.name)
    assert guard.off.is_forced == guard.control.is_forced
    assert guard.off.has_surplus == guard.control.has_surplus
    # A guard is switched off by day.
    waves = Waves(None)
    assert waves._take_day(guard.off) != waves._take_day(guard.control)


def test_every_guard_is_switched_off_beside_its_control_but_what_disturbs_others_after_them():
    calm, disturbing = guard_waves(list(GUARDS))
    assert len(calm) <= WAVE_SIZE
    assert set(disturbing) == {guard.off for guard in GUARDS.values() if guard.disturbs}
    assert {case.guard_off for case in disturbing} == {"merges-take-turns", "one-transaction"}
    everything = {case for guard in GUARDS.values() for case in (guard.off, guard.control)}
    assert set(calm) == everything - set(disturbing)


def conclude(*outcomes, off=(SHOWN,), control=()):
    options = parse_options(["--guard-off", GUARD.name])
    said = StringIO()
    harness = _Harness(options, Console(file=said, width=300), Path())
    guarded = [
        Outcome(case, FIRST_DAY, armed=True, fired=1, differences=list(differences))
        for case, differences in ((GUARD.off, off), (GUARD.control, control))
    ]
    code = harness._conclude(["put raw manifest #1"], list(outcomes), [], guarded, 1.0)
    return code, said.getvalue()


def test_a_missing_guard_that_is_noticed_is_right():
    code, said = conclude()
    assert code == 0
    assert "1 of 1 missing guards were noticed, 1 of 1 cases are right with the guard" in said


def test_a_missing_guard_that_nobody_notices_is_red():
    assert conclude(off=["something else"])[0] == 1


def test_a_difference_that_is_there_with_the_guard_too_is_red():
    code, said = conclude(control=[SHOWN])
    assert code == 1
    assert f"different, although the guard {GUARD.name} is on" in said
    assert "0 of 1 cases are right with the guard" in said


def test_a_case_that_shows_nothing_is_an_error_and_no_verdict():
    code, said = conclude(Outcome(STAYED, FIRST_DAY, armed=True, problem="the fault never fired: timed out"))
    assert code == 1
    assert f"error: {STAYED.name}: the fault never fired: timed out" in said
    options = parse_options(["--guard-off", GUARD.name])
    output = StringIO()
    guarded = [
        Outcome(GUARD.off, FIRST_DAY, differences=[SHOWN], problem="no load reached the guard"),
        Outcome(GUARD.control, FIRST_DAY),
    ]
    assert _Harness(options, Console(file=output, width=300), Path())._conclude([], [], [], guarded, 1.0) == 1
    assert "0 of 1 missing guards were noticed" in output.getvalue()


def test_a_fault_that_was_overcome_is_no_recovery():
    recovered, overcome = (
        Outcome(STAYED, FIRST_DAY, armed=True, fired=1, overcome=overcome) for overcome in (False, True)
    )
    code, said = conclude(recovered, recovered, overcome)
    assert code == 0
    assert "3 cases: 2 combinations were recovered from, 1 faults were overcome without anybody's help" in said
    assert said.count(f"overcome without anybody's help: {STAYED.name}") == 1
