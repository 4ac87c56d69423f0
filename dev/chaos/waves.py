"""Runs cases in waves. Each case has its own day, and the loads of a wave run concurrently."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from crypto_prices.counted import counted
from crypto_prices_contract import error_codes

from dev.chaos import checks
from dev.chaos.bench import DAG_ID, Bench, logical_date
from dev.chaos.boundaries import EVERY_EFFECT, family
from dev.chaos.cases import STAYS_PREFIX, Case, Happening, Recovery
from dev.chaos.faults import Fault, Kind
from dev.chaos.runs import LOOK_SECONDS, STUCK_SECONDS, Runs

FIRST_DAY = date(2022, 1, 1)
_MERGE = "submit merge_into_fact"
_MEETING_SECONDS = 75.0
_BEGINNING_SECONDS = 5.0
MUST_FAIL = {
    Happening.DAY_NOT_OVER: "a day that has not ended was loaded",
    Happening.CANDLE_MISSING: "a loaded candle was deleted without force",
    Happening.FETCHED_LATER: "candles were replaced by candles that were fetched earlier, without force",
}
"""The difference to report if the run of such a case does not fail."""
_REFUSED = {
    Happening.CANDLE_MISSING: error_codes.WOULD_DELETE_CANDLES,
    Happening.FETCHED_LATER: error_codes.FETCHED_LATER,
}
"""The warehouse must have refused the merge of these loads with this code."""


@dataclass
class Outcome:
    """The outcome of a case.

    Attributes:
        case: The case.
        day: The day of its load.
        armed: Whether it has a fault.
        fired: How often the fault fired.
        overcome: Whether the run succeeded in spite of a permanent fault, so that its recovery was not tested.
        problem: Why the case is not valid: its fault never fired, or its guard was never reached. None if it is valid.
        differences: Differences from a clean load; empty if there are none.
        seconds: Duration of its wave.
    """

    case: Case
    day: date
    armed: bool = False
    fired: int = 0
    overcome: bool = False
    problem: str | None = None
    differences: list[str] = field(default_factory=list)
    seconds: float = 0.0


@dataclass
class _Running:
    case: Case
    day: date
    fault: Fault | None
    run_id: str
    second_run_id: str | None = None
    outcome: Outcome = field(init=False)

    def __post_init__(self) -> None:
        self.outcome = Outcome(self.case, self.day)

    @property
    def run_ids(self) -> list[str]:
        return [self.run_id, *([self.second_run_id] if self.second_run_id else [])]

    def differs(self, *what: str) -> None:
        self.outcome.differences += what


class Waves:
    """Runs cases on a bench.

    Args:
        bench: The platform under test.
        first_day: The day of the first load. Each later load has the next day.
        progress: Called with the phase of the wave and the numbers of finished and all loads.

    Attributes:
        strays: Left-over staging tables that no known load created.
    """

    def __init__(
        self,
        bench: Bench,
        *,
        first_day: date = FIRST_DAY,
        progress: Callable[[str, int, int], None] = lambda *_: None,
    ) -> None:
        self._bench = bench
        self._runs = Runs(bench, DAG_ID, progress)
        self._next_day = first_day
        self._alone: set[date] = set()
        self.strays: set[str] = set()

    def clean_run(self) -> list[str]:
        """Run two loads without a fault and return the boundaries of the second one, without duplicates, in order.

        The first load, of a day one year earlier, starts with an empty warehouse and an empty lake. The second one
        replaces an earlier load, as every case does.

        Raises:
            RuntimeError: A load failed or differs, or the second one did not have all known effects.
        """
        self.load_into_empty_warehouse()
        day = self._take_day()
        checks.seed(self._bench, [day], without_surplus=[day])
        self._load_clean(day, seeded=True)
        found = list(dict.fromkeys(self._bench.faults.seen(day)))
        missing = EVERY_EFFECT - {family(name) for name in found}
        if missing:
            raise RuntimeError(f"a load without a fault did not have these effects: {', '.join(sorted(missing))}")
        return found

    def load_into_empty_warehouse(self) -> None:
        """Run one load without a fault, of a day one year before the next one, which also creates the tables.

        Raises:
            RuntimeError: It failed or differs.
        """
        self._load_clean(self._next_day - timedelta(days=365), seeded=False)

    def _load_clean(self, day: date, *, seeded: bool) -> None:
        run_id = clean_run_id(day)
        self._runs.trigger(run_id, {}, logical_date(day))
        self._runs.wait([run_id], "clean run")
        if self._runs.hanging:
            raise RuntimeError(f"a load without a fault did not change for {STUCK_SECONDS:.0f} s")
        state = checks.read_days(self._bench, [day])[day]
        differences = [
            *checks.warehouse_differences(day, state, seeded=seeded),
            *checks.lake_differences(self._bench, day, state, seeded=seeded),
        ]
        if differences:
            raise RuntimeError(f"a load without a fault has differences: {'; '.join(differences)}")

    def run(self, cases: Sequence[Case]) -> list[Outcome]:
        """Run one wave of cases and return their outcomes."""
        began = time.monotonic()
        # Cases with two concurrent runs come first, while Airflow has room for both. The days that a backfill
        # reprocesses must be consecutive.
        ordered = sorted(cases, key=_place)
        days = [self._take_day(case) for case in ordered]
        self._bench.signals.switch_off(
            {day: case.guard_off for day, case in zip(days, ordered, strict=True) if case.guard_off is not None}
        )
        without_surplus = [day for day, case in zip(days, ordered, strict=True) if not case.has_surplus]
        checks.seed(
            self._bench,
            [day for day, case in zip(days, ordered, strict=True) if not case.is_open],
            without_surplus=without_surplus,
        )
        running = [self._begin(case, day) for case, day in zip(ordered, days, strict=True)]
        self._runs.wait([run_id for one in running for run_id in one.run_ids], "broken")
        self._look_between(running)
        self._recover(running)
        self._check(running)
        seconds = time.monotonic() - began
        for one in running:
            one.outcome.seconds = seconds
            one.outcome.armed = one.fault is not None
            one.outcome.fired = one.fault.fired if one.fault else 0
            one.outcome.problem = self._problem(one)
        return [one.outcome for one in running]

    def _problem(self, one: _Running) -> str | None:
        """Return why a case is not valid; None if it is."""
        guard = one.case.guard_off
        if guard is not None and not self._bench.signals.was_left_out(one.day, guard):
            return f"no load of {one.day} reached the guard {guard}: {self._runs.why(one.run_id)}"
        if one.fault is not None and not one.fault.fired:
            return f"the fault at {one.fault.boundary} never fired: run {one.run_id}: {self._runs.why(one.run_id)}"
        return None

    def _take_day(self, case: Case | None = None) -> date:
        if case is not None and case.is_open:
            today = datetime.now(UTC).date()
            # A guard is switched off for a whole day, so its control needs another one that has not ended: tomorrow.
            is_control = case.forced is not None and case.guard_off is None
            return today + timedelta(days=is_control)
        day = self._next_day
        self._next_day += timedelta(days=1)
        return day

    def _begin(self, case: Case, day: date) -> _Running:
        meets = case.happening == Happening.MERGES_MEET
        stays = case.recovery.needs_failure or meets
        tampering: Mapping[Happening | None, Callable[[date], None]] = {
            Happening.STAGING_HALVED: self._halve_staging,
            Happening.FETCHED_LATER: self._fetch_later,
        }
        tamper = tampering.get(case.happening)
        fault = None
        if case.kind is not None:
            fault = Fault(day, case.boundary, case.kind, times=None if stays else 1)
        elif meets:
            # The run fails when only its merge is missing. See _meet.
            fault = Fault(day, _MERGE, Kind.REFUSED, times=None)
        elif tamper is not None:
            fault = Fault(day, case.boundary, Kind.TAMPERED, on_fire=lambda: tamper(day))
        if fault is not None:
            self._bench.faults.arm(fault)
        prefix = STAYS_PREFIX if stays and fault is not None else "once__"
        one = _Running(case, day, fault, f"{prefix}{day}__{case.name}"[:200])
        together = case.recovery == Recovery.SECOND_RUN and not meets
        if case.is_open:
            self._runs.trigger(one.run_id, {"day": day.isoformat()})
        else:
            self._runs.trigger(one.run_id, {"force": case.is_forced}, logical_date(day))
        if together:
            self._begin_second(one)
        return one

    def _begin_second(self, one: _Running) -> None:
        one.second_run_id = f"second__{one.day}"
        self._runs.trigger(one.second_run_id, {"day": one.day.isoformat(), "force": one.case.is_forced})

    def _look_between(self, running: Sequence[_Running]) -> None:
        """Check the days whose load failed: each must have either the old content or the new one."""
        failed = [one for one in running if self._runs.state(one.run_id) == "failed" and not one.case.is_open]
        states = checks.read_days(self._bench, [one.day for one in failed])
        for one in failed:
            state = states[one.day]
            seeded = checks.SEEDED_ROWS if one.case.has_surplus else checks.SEEDED_ROWS - 1
            unchanged = state.batches == Counter({checks.SEED_BATCH: seeded})
            if not unchanged and state.rows != checks.expected_rows(one.day):
                one.differs(f"after the failure the day has neither the old nor the new content: {state.batches}")
            kept, published = checks.neighbours(one.day), checks.published_rows(self._bench, one.day)
            if state.neighbours != kept:
                one.differs(f"after the failure the day has {state.neighbours.total()} rows of other markets")
            if published not in (checks.old_rows(one.day) + kept, checks.expected_rows(one.day) + kept):
                one.differs(f"after the failure the published partition is inconsistent: {published.total()} rows")

    def _recover(self, running: Sequence[_Running]) -> None:
        for one in running:
            self._bench.faults.disarm(one.day)
        again: list[str] = []
        reprocessed: list[_Running] = []
        for one in running:
            state = self._runs.state(one.run_id)
            one.outcome.overcome = one.fault is not None and one.case.recovery.needs_failure and state == "success"
            if one.case.happening in MUST_FAIL and state != "failed":
                one.differs(MUST_FAIL[one.case.happening])
            elif one.case.happening in _REFUSED:
                code = _REFUSED[one.case.happening]
                if code not in self._runs.error_codes_of(one.run_id, "merge_into_fact"):
                    why = self._runs.why(one.run_id)
                    one.differs(f"run {one.run_id} failed, but the merge was not refused with {code}: {why}")
            if one.case.is_open:
                continue  # such a day has no load
            if one.case.happening == Happening.FACT_DAMAGED:
                self._damage(one.day)
                self._bench.api.clear_tasks(DAG_ID, one.run_id, ["merge_into_fact"])
                again.append(one.run_id)
            elif one.case.happening == Happening.STAGING_HALVED:
                # Clearing only failed tasks would keep the damaged staging table. With downstream, the setup runs, too.
                self._bench.api.clear_tasks(DAG_ID, one.run_id, ["merge_into_fact"], downstream=True)
                again.append(one.run_id)
            elif one.case.happening == Happening.MERGES_MEET:
                again += self._meet(one)
            elif one.case.recovery in (Recovery.RETRY, Recovery.SECOND_RUN):
                for run_id in one.run_ids:
                    if self._runs.state(run_id) != "success":
                        one.differs(f"run {run_id} has failed: {self._runs.why(run_id)}")
            elif one.case.recovery == Recovery.REPROCESS:
                reprocessed.append(one)
            elif state == "success" and one.case.recovery == Recovery.CLEAR_FAILED:
                continue  # there are no failed tasks to clear
            else:
                only_failed = one.case.recovery == Recovery.CLEAR_FAILED
                self._bench.api.clear_run(DAG_ID, one.run_id, only_failed=only_failed)
                again.append(one.run_id)
        if reprocessed:
            self._reprocess(reprocessed)
            again += [one.run_id for one in reprocessed]
        self._runs.wait(again, "recovering")
        for one in running:
            for run_id in set(one.run_ids) & set(again):
                if self._runs.state(run_id) != "success":
                    one.differs(f"run {run_id} has failed again: {self._runs.why(run_id)}")

    def _reprocess(self, running: Sequence[_Running]) -> None:
        api = self._bench.api
        deadline = time.monotonic() + STUCK_SECONDS
        while any(before["completed_at"] is None for before in api.backfills(DAG_ID)):
            # Their runs have finished, but Airflow closes backfills on a slow timer. A canceled backfill would stay
            # paused forever, and its runs could never be cleared.
            if time.monotonic() > deadline:
                raise TimeoutError(f"Airflow did not close the previous backfill within {STUCK_SECONDS:.0f} s")
            time.sleep(LOOK_SECONDS)
        api.create_backfill(
            DAG_ID,
            logical_date(running[0].day),
            logical_date(running[-1].day),
            max_active_runs=4,
            reprocess_behavior="completed",
            run_conf={"force": True},
        )

    def _check(self, running: Sequence[_Running]) -> None:
        closed = [one for one in running if not one.case.is_open]
        states = checks.read_days(self._bench, [one.day for one in running])
        left_over = checks.left_over_staging(self._bench)
        for one in closed:
            one.differs(*checks.warehouse_differences(one.day, states[one.day], seeded=True))
            one.differs(*checks.lake_differences(self._bench, one.day, states[one.day], seeded=True))
            one.differs(*checks.record_differences(self._bench, states[one.day]))
            one.differs(*(f"staging table {table} is left over" for table, day in left_over.items() if day == one.day))
            one.differs(*self._failed_statements(one.day))
            one.differs(*(["no other merge started"] if one.day in self._alone else []))
        for one in running:
            one.differs(
                *(
                    f"run {run_id} did not change for {STUCK_SECONDS:.0f} s"
                    for run_id in one.run_ids
                    if run_id in self._runs.hanging
                )
            )
        for one in running:
            if one.case.is_open and (states[one.day].rows or states[one.day].loads):
                one.differs(f"{states[one.day].rows.total()} candles of a day that has not ended were loaded")
        unknown = {table for table, day in left_over.items() if day is None} - self.strays
        self.strays |= unknown
        for one in closed:
            if one.case.guard_off == "own-staging":
                one.differs(*(f"staging table {table} is left over" for table in unknown))

    def _failed_statements(self, day: date) -> list[str]:
        """Return a difference if loads conflicted in the warehouse. The load lock must prevent that."""
        met = self._bench.faults.serialization_failures(day)
        return [f"{counted(met, 'statement')} failed with 1023, because loads ran at the same time"] if met else []

    def _halve_staging(self, day: date) -> None:
        table = next(name for name, of_day in self._bench.boundaries.staging_tables().items() if of_day == day)
        self._bench.warehouse.rows(f"DELETE FROM crypto.{table} WHERE symbol = 'ETH'")  # noqa: S608

    def _meet(self, one: _Running) -> list[str]:
        """Start a second run, and the first run's merge once the second one's is inside its transaction.

        The first run failed when only its merge was missing, so that one task has to start within the time that the
        transaction can be held. Two complete runs would meet only on a machine that has nothing else to do.
        """
        one.fault = Fault(one.day, one.case.boundary, Kind.TAMPERED, on_fire=lambda: self._clear_other_merge(one))
        self._bench.faults.arm(one.fault)
        self._begin_second(one)
        return one.run_ids

    def _clear_other_merge(self, one: _Running) -> None:
        """Hold a transaction until the first run's merge is submitted and has had time to start."""
        before = self._bench.faults.seen(one.day).count(_MERGE)
        self._bench.api.clear_run(DAG_ID, one.run_id, only_failed=True)
        deadline = time.monotonic() + _MEETING_SECONDS
        while self._bench.faults.seen(one.day).count(_MERGE) == before:
            if time.monotonic() > deadline:
                self._alone.add(one.day)
                return
            time.sleep(0.1)
        time.sleep(_BEGINNING_SECONDS)

    def _fetch_later(self, day: date) -> None:
        """Make the loaded rows look as if a run had just fetched and merged them."""
        self._bench.warehouse.change(
            f"UPDATE crypto.etl_metadata SET fetched_at = GETDATE() WHERE window_start = '{day}'"  # noqa: S608
        )

    def _damage(self, day: date) -> None:
        self._bench.warehouse.change(
            f"DELETE FROM crypto.fact_crypto_prices WHERE TRUNC(observed_at) = '{day}' AND symbol = 'ETH'"  # noqa: S608
        )


def clean_run_id(day: date) -> str:
    """Return the id of the run that loads a day without a fault."""
    return f"clean__{day}"


def _place(case: Case) -> int:
    return {Recovery.SECOND_RUN: 0, Recovery.REPROCESS: 2}.get(case.recovery, 1)
