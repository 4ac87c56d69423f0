from dataclasses import replace
from io import StringIO
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console

from dev.chaos.cases import Case, Recovery
from dev.chaos.command import WAVE_SIZE, _Harness, guard_waves, parse_options, shown_by
from dev.chaos.faults import Kind
from dev.chaos.guards import GUARDS, _execute_statement, _with_lasting_tables
from dev.chaos.signals import FOLDER_VARIABLE, Signals
from dev.chaos.waves import FIRST_DAY, MUST_FAIL, Outcome, Waves

GUARD = GUARDS["replace-not-append"]
SHOWN = "the fact table has 96 rows instead of 48: 0 are missing, 48 are wrong or duplicate"
STAYED = Case("put raw manifest #1", Kind.LOST, Recovery.CLEAR_FAILED)


TASKS = (
    "resolve_window", "ensure_schema", "fetch_prices", "plan_load", "curate_prices", "read_curation_report",
    "copy_to_staging", "check_staging", "merge_into_fact", "publish_partitions", "record_load", "write_load_records",
    "wait_for_partition", "drop_staging", "reconcile", "require_sources",
)  # fmt: skip


@pytest.mark.parametrize("name", GUARDS)
@pytest.mark.parametrize("reason", ["timed out", "staging is kept, because check_staging did not succeed", "killed"])
def test_unrelated_differences_do_not_reveal_a_missing_guard(name, reason):
    off = GUARDS[name].off
    outcome = Outcome(off, FIRST_DAY)
    assert shown_by(outcome) is None
    outcome.differences += [f"run once__2022-01-01__{off.name} has failed: {task}: {reason}" for task in TASKS]
    outcome.differences += [
        "run once__2022-01-01 has failed: drop_staging: staging is kept; merge_into_fact: timed out",
        # A load that fails for any reason keeps its staging table.
        "staging table stg_crypto_prices_shared is left over",
        "no other merge started",
    ]
    assert shown_by(outcome) is None


@pytest.mark.parametrize(
    "reason",
    [
        "ERROR: CP-02 staging table crypto.stg_crypto_prices_shared has 96 rows, but the curation report counts 48",
        "ERROR: CP-05 staging table crypto.stg_crypto_prices_shared has 48 rows that do not belong to batch x",
        'ERROR: relation "stg_crypto_prices_shared" already exists',
        'ERROR: relation "crypto.stg_crypto_prices_shared" does not exist',
    ],
)
def test_a_shared_staging_table_is_noticed_by_the_error_of_a_load(reason):
    found = f"run second__2022-01-01 has failed: drop_staging: staging is kept; merge_into_fact: {reason}"
    assert shown_by(Outcome(GUARDS["own-staging"].off, FIRST_DAY, differences=[found])) == found


@pytest.fixture
def signals(monkeypatch, tmp_path):
    """Return the signals of a harness that started this process."""
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    return Signals(tmp_path)


def execute(task, *, clear_number=0, names=()):
    """Run the patched operator of a task of FIRST_DAY."""
    sql = [f"-- {name}\nSELECT 1" for name in names]
    run = SimpleNamespace(conf={"day": FIRST_DAY.isoformat()}, clear_number=clear_number)
    operator = SimpleNamespace(task_id=task, sql=sql, deferrable=True, durable=False)
    _execute_statement(lambda *_: None, operator, {"dag_run": run})
    return operator


def test_only_the_cleared_merge_reaches_the_guard_of_cleared_tasks(signals):
    signals.switch_off({FIRST_DAY: "work-done-again"})
    for task, clear_number in (("check_staging", 0), ("merge_into_fact", 0), ("copy_to_staging", 1)):
        assert execute(task, clear_number=clear_number).durable
        assert not signals.was_left_out(FIRST_DAY, "work-done-again")
    assert execute("merge_into_fact", clear_number=1).durable
    assert signals.was_left_out(FIRST_DAY, "work-done-again")


def test_only_a_merge_without_the_load_lock_reaches_the_guard_of_concurrent_merges(signals):
    signals.switch_off({FIRST_DAY: "merges-take-turns"})
    assert execute("record_load", names=["load/lock_loads", "publish/record_load"]).sql[0] == "SELECT 1"
    assert not signals.was_left_out(FIRST_DAY, "merges-take-turns")
    assert execute("merge_into_fact", names=["load/lock_loads", "load/replace/insert_staged_rows"]).sql[0] == "SELECT 1"
    assert signals.was_left_out(FIRST_DAY, "merges-take-turns")


def test_statements_that_are_submitted_one_by_one_share_their_temporary_tables():
    table = f"crypto.found_{FIRST_DAY:%Y%m%d}"
    statements = [
        "-- a\nCREATE TEMP TABLE found AS SELECT 1",
        "DELETE FROM x USING found AS f",
        "SELECT found_at FROM x",
    ]
    assert _with_lasting_tables(statements, FIRST_DAY) == [
        f"DROP TABLE IF EXISTS {table}",
        f"-- a\nCREATE TABLE {table} AS SELECT 1",
        f"DELETE FROM x USING {table} AS f",
        "SELECT found_at FROM x",
    ]


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


def conclude(*outcomes, off=(SHOWN,), control=(), marts_after=()):
    options = parse_options(["--guard-off", GUARD.name])
    output = StringIO()
    harness = _Harness(options, Console(file=output, width=300), Path())
    guarded = [
        Outcome(case, FIRST_DAY, armed=True, fired=1, differences=list(differences))
        for case, differences in ((GUARD.off, off), (GUARD.control, control))
    ]
    code = harness._conclude(["put raw manifest #1"], list(outcomes), [], guarded, list(marts_after), 1.0)
    return code, output.getvalue()


def test_a_noticed_missing_guard_passes():
    code, output = conclude()
    assert code == 0
    assert "noticed: 1 of 1 missing guard; right with the guard: 1 of 1 case" in output


def test_an_unnoticed_missing_guard_fails():
    assert conclude(off=["something else"])[0] == 1


def test_a_difference_that_also_occurs_with_the_guard_fails():
    code, output = conclude(control=[SHOWN])
    assert code == 1
    assert f"different, although the guard {GUARD.name} is on" in output
    assert "right with the guard: 0 of 1 case" in output


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
    assert _Harness(options, Console(file=screen, width=300), Path())._conclude([], [], [], guarded, [], 1.0) == 1
    assert "noticed: 0 of 1 missing guard" in screen.getvalue()


def test_marts_that_differ_after_all_loads_fail():
    code, output = conclude(marts_after=["daily_prices: 1 rows are missing"])
    assert code == 1
    assert "the marts after all loads: daily_prices: 1 rows are missing" in output


def test_an_overcome_fault_is_not_counted_as_a_recovery():
    recovered, overcome = (
        Outcome(STAYED, FIRST_DAY, armed=True, fired=1, overcome=overcome) for overcome in (False, True)
    )
    code, output = conclude(recovered, recovered, overcome)
    assert code == 0
    assert "3 cases: 2 recovered from, 1 overcome" in output
    assert len([line for line in output.splitlines() if "overcome" in line and STAYED.name in line]) == 1
