"""Runs one backfill: find or start an Airflow, create the backfill, wait for its runs, show the result."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from crypto_prices.counted import counted
from crypto_prices_contract.window import Window

from dev.backfill.day_progress import DayProgress, day_progress, task_name
from dev.backfill.screen import Screen
from local_aws.state_folder import StateFolderError
from local_platform import task_failure
from local_platform.airflow_services.api import AirflowApi, AirflowApiError, AirflowUnreachableError
from local_platform.airflow_services.local_airflow import running_airflow
from local_platform.markets import Markets
from local_platform.names import Provisioned
from local_platform.running_platform import LocalPlatform
from local_platform.state_options import StateOptions, other_folder
from local_platform.warehouse_queries import WarehouseQueries

DAG_ID = "crypto_prices_daily"
MARTS = "crypto_prices_marts"
LOOK_SECONDS = 1.0
CLOSE_SECONDS = 180
UNREACHABLE_SECONDS = 60
# The DAG's dagrun_timeout is six hours. A backfill without any progress for longer than that hangs.
STUCK_SECONDS = 7 * 3600
# The dagrun_timeout of crypto_prices_marts, and as long again for a run that it waits for.
MARTS_SECONDS = 2 * 3 * 3600
ACTIVE_STATES = ("running", "deferred", "queued", "up_for_retry", "up_for_reschedule", "restarting")


class BackfillError(Exception):
    """The backfill cannot run or cannot be watched; the message has the reason and what to do."""


@dataclass(frozen=True)
class Options:
    """What to run.

    Attributes:
        first: First UTC day, included.
        last: Last UTC day, included.
        max_active_runs: Number of days that run at the same time.
        reprocess: Which existing runs are run again: none, failed or completed.
        backwards: Start with the last day.
        dry_run: Only show which days would run.
        markets: The markets to load; None if the command line names none.
        default_markets: The markets to load if the command line names none and no Airflow is running.
        state: Where the local AWS keeps its state, and where it listens.
    """

    first: date
    last: date
    max_active_runs: int
    reprocess: str
    backwards: bool
    dry_run: bool
    markets: Markets | None
    default_markets: Markets
    state: StateOptions

    @property
    def days(self) -> list[date]:
        """Every day, in order."""
        return [self.first + timedelta(days=offset) for offset in range((self.last - self.first).days + 1)]

    @property
    def first_date(self) -> datetime:
        """The first day's logical date."""
        return _logical_date(self.first)

    @property
    def last_date(self) -> datetime:
        """The last day's logical date."""
        return _logical_date(self.last)

    @property
    def in_words(self) -> str:
        """The days, as the command's arguments."""
        return f"FROM={self.first} TO={self.last}"


@dataclass(frozen=True)
class _Target:
    api: AirflowApi
    names: Provisioned
    check: Callable[[], None]


class BackfillRun:
    """Runs a backfill and shows it on a screen.

    Args:
        options: What to run.
        screen: The screen to write to.
    """

    def __init__(self, options: Options, screen: Screen) -> None:
        self._options = options
        self._screen = screen
        self._reported: set[tuple[date, str, int]] = set()

    def execute(self) -> bool:
        """Run it and show the result; return whether every day succeeded and the marts have all loads.

        Raises:
            BackfillError: The backfill cannot run or cannot be watched.
            LocalAirflowError: The local Airflow did not start, or one of its components ended.
        """
        with self._airflow() as target:
            began = time.monotonic()
            if self._options.dry_run:
                self._plan(target.api)
                return True
            new_days = self._begin(target.api)
            days = self._follow(target, new_days, began)
            self._screen.table(days, self._rows(target.names))
            failed = [day for day in days if day.state == "failed"]
            for day in failed:
                self._explain(target.api, day)
            done = sum(day.state == "success" for day in days)
            new = sum(day.state == "success" and day.is_new for day in days)
            seconds = time.monotonic() - began
            are = "is" if len(days) == 1 else "are"
            self._screen.say(
                f"{done} of {counted(len(days), 'day')} {are} loaded, {new} by this backfill ({seconds:.1f} s)."
            )
            if failed:
                self._screen.say(
                    f"To run the failed days again: make backfill {self._options.in_words} REPROCESS=failed"
                )
            return self._refresh_marts(target) and done == len(days)

    @contextlib.contextmanager
    def _airflow(self) -> Iterator[_Target]:
        """Use the Airflow that runs on the state folder, or start one for the duration of the backfill."""
        try:
            running = running_airflow(self._options.state.folder)
        except StateFolderError as error:
            raise BackfillError(str(other_folder(error))) from error
        if running is not None:
            if running.names is None:
                raise BackfillError(
                    f"the Airflow at {running.url} was not started by make airflow: stop it and try again"
                )
            if self._options.markets is not None:
                raise BackfillError(
                    f"the Airflow at {running.url} has its own markets: leave out SOURCES, SYMBOLS and MARKET_DATA, or "
                    "stop it first"
                )
            self._screen.step(f"using the Airflow at {running.url}")
            yield _Target(AirflowApi(running.url), running.names, lambda: None)
            return
        platform = LocalPlatform(
            self._options.state.folder,
            self._options.markets or self._options.default_markets,
            aws_port=self._options.state.aws_port,
            # Unpausing the DAG must not also start a scheduled run for yesterday.
            extra_environment={"AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE": "False"},
            on_step=self._screen.step,
        )
        with platform:
            self._screen.step(f"Airflow runs at {platform.airflow.url} until the backfill ends")
            yield _Target(platform.airflow.api, platform.names, platform.check)

    def _begin(self, api: AirflowApi) -> set[date]:
        """Create the backfill, or resume the same unfinished one; return the days that it runs."""
        options = self._options
        if api.dag(DAG_ID)["is_paused"]:
            api.unpause(DAG_ID)
            self._screen.say(f"Unpaused {DAG_ID}, which was paused.")
        for backfill in api.backfills(DAG_ID):
            if backfill["completed_at"] is None and not self._is_closed(api, backfill):
                first, last = (datetime.fromisoformat(backfill[end]).date() for end in ("from_date", "to_date"))
                if (first, last) != (options.first, options.last):
                    raise BackfillError(
                        f"the backfill of {first} to {last} has not finished, and Airflow runs one at a time: finish "
                        f"that one with make backfill FROM={first} TO={last}, or cancel it in the UI"
                    )
                self._screen.say(f"Resuming the interrupted backfill of {options.first} to {options.last}.")
                return set(options.days)
        new_days = self._new_days(api)
        if not new_days:
            self._screen.say("Every day already has a run. To run them again, set REPROCESS=completed.")
            return set()
        try:
            api.create_backfill(
                DAG_ID,
                options.first_date,
                options.last_date,
                max_active_runs=options.max_active_runs,
                reprocess_behavior=options.reprocess,
                run_backwards=options.backwards,
            )
        except AirflowApiError as error:
            raise BackfillError(f"Airflow rejected the backfill: {error.message}") from error
        self._screen.say(
            f"Backfill of {DAG_ID}: {len(new_days)} of {counted(len(options.days), 'day')}, "
            f"{options.max_active_runs} at a time{', last day first' if options.backwards else ''}."
        )
        return new_days

    def _new_days(self, api: AirflowApi) -> set[date]:
        options = self._options
        new = api.dry_run_backfill(DAG_ID, options.first_date, options.last_date, reprocess_behavior=options.reprocess)
        return {instant.astimezone(UTC).date() for instant in new}

    def _plan(self, api: AirflowApi) -> None:
        """Show each day with its run, and which days a backfill would run."""
        new_days = self._new_days(api)
        self._screen.table(self._look(api, new_days))
        self._screen.say(
            f"{len(new_days)} of {counted(len(self._options.days), 'day')} would run. Nothing was started."
        )

    def _is_closed(self, api: AirflowApi, backfill: dict[str, Any]) -> bool:
        """Wait until Airflow marks a backfill without unfinished runs as complete; return whether it did.

        Airflow checks every 30 seconds, and rejects another backfill until then. Canceling the old one is not an
        option: it would stay paused forever, and its runs would stay queued if they were cleared later.
        """
        if any(run["state"] in ("queued", "running") for run in api.backfill_runs(backfill["id"])):
            return False
        self._screen.say("Waiting until Airflow closes the previous backfill.")
        deadline = time.monotonic() + CLOSE_SECONDS
        while api.backfill(backfill["id"])["completed_at"] is None:
            if time.monotonic() > deadline:
                return False
            time.sleep(LOOK_SECONDS)
        return True

    def _follow(self, target: _Target, new_days: set[date], began: float) -> list[DayProgress]:
        """Show the progress until every run has finished; return the final state of the days."""
        heard_at = moved_at = time.monotonic()
        days: list[DayProgress] = []
        with self._screen.live() as live:
            while True:
                try:
                    seen = self._look(target.api, new_days)
                    heard_at = time.monotonic()
                except AirflowUnreachableError as error:
                    if time.monotonic() - heard_at > UNREACHABLE_SECONDS:
                        raise BackfillError(
                            f"{error}; start make airflow and run the same command again to resume"
                        ) from error
                else:
                    moved_at = moved_at if seen == days else time.monotonic()
                    days = seen
                    self._screen.progress(live, days, time.monotonic() - began)
                    self._report_retries(target.api, days)
                    if all(day.is_finished or not day.is_new for day in days):
                        break
                target.check()
                if time.monotonic() - moved_at > STUCK_SECONDS:
                    raise BackfillError(
                        f"no run has changed its state for {STUCK_SECONDS // 3600} hours; see {target.api.url}"
                    )
                time.sleep(LOOK_SECONDS)
        return days

    def _refresh_marts(self, target: _Target) -> bool:
        """Add the loads to the marts, and return whether the marts have all of them.

        In an Airflow where ``crypto_prices_marts`` is unpaused, the loads have already triggered it.
        """
        warehouse = WarehouseQueries(target.names)
        behind = self._loads_behind(warehouse)
        if not behind:
            return True
        self._screen.say(f"Adding {counted(behind, 'load')} to the marts.")
        api = target.api
        was_paused = api.dag(MARTS)["is_paused"]
        if was_paused:
            api.unpause(MARTS)
        try:
            run_id = api.trigger(MARTS)["dag_run_id"]
            run = api.wait_for_dag_run(
                MARTS,
                run_id,
                timeout_seconds=MARTS_SECONDS,
                look_seconds=LOOK_SECONDS,
                on_look=lambda _run: target.check(),
            )
        except TimeoutError as error:
            raise BackfillError(str(error)) from error
        finally:
            if was_paused:
                api.pause(MARTS)
        if run["state"] != "success":
            failed = ", ".join(task["task_id"] for task in api.task_instances(MARTS, run_id, states=("failed",)))
            self._screen.problem(f"the marts were not refreshed: {run_id} of {MARTS} failed in {failed or 'no task'}")
            return False
        left = self._loads_behind(warehouse)
        self._screen.say(f"The marts lack {counted(left, 'load')}." if left else "The marts have all loads.")
        return not left

    @staticmethod
    def _loads_behind(warehouse: WarehouseQueries) -> int:
        (found,) = warehouse.rows("SELECT loads_behind FROM crypto_views.freshness")
        return int(found["loads_behind"])

    def _look(self, api: AirflowApi, new_days: set[date]) -> list[DayProgress]:
        options = self._options
        runs = api.dag_runs(DAG_ID, first=options.first_date, last=options.last_date)
        return day_progress(options.days, new_days, runs, api.task_instances(DAG_ID, states=ACTIVE_STATES))

    def _report_retries(self, api: AirflowApi, days: list[DayProgress]) -> None:
        """Show each failed try once, with its reason, while its task waits for the next try."""
        for day in days:
            if day.run_id is None or all(state != "up_for_retry" for _, state in day.tasks):
                continue
            for task in api.task_instances(DAG_ID, day.run_id, states=("up_for_retry",)):
                name, number = task_name(task), task["try_number"]
                if (day.day, name, number) not in self._reported:
                    self._reported.add((day.day, name, number))
                    log = api.task_log(DAG_ID, day.run_id, task["task_id"], number, map_index=task["map_index"])
                    self._screen.retry(day.day, name, number, task_failure.reason(log))

    def _rows(self, names: Provisioned) -> dict[date, int]:
        window = Window(self._options.first, self._options.last + timedelta(days=1))
        counted = WarehouseQueries(names).ask("queries/rows_by_day.sql", window)
        return {date.fromisoformat(str(row["observed_on"])[:10]): int(row["row_total"]) for row in counted}

    def _explain(self, api: AirflowApi, day: DayProgress) -> None:
        """Show why a day failed: each failed task with the end of its log."""
        if day.run_id is None:
            return
        failed = api.task_instances(DAG_ID, day.run_id, states=("failed",))
        for task in failed:
            log = api.task_log(DAG_ID, day.run_id, task["task_id"], task["try_number"], map_index=task["map_index"])
            logs = f"{self._options.state.folder}/airflow/logs"
            where = f"{logs}/dag_id={DAG_ID}/run_id={day.run_id}/task_id={task['task_id']}"
            self._screen.failure(day.day, task_name(task), task_failure.reason(log), task_failure.tail(log), where)
        if not failed:
            reason = "no task failed: the run timed out or was marked failed"
            self._screen.failure(day.day, "the run", reason, "", "")


def _logical_date(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
