"""``python -m dev chaos``: break loads and refreshes of the marts at every side effect, and check the result."""

from __future__ import annotations

import argparse
import logging
import re
import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from crypto_prices.counted import counted
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from dev.chaos.bench import Bench
from dev.chaos.cases import Case, all_cases, combinations, is_inside_transaction, paired, sample
from dev.chaos.guards import GUARDS
from dev.chaos.marts import MartRefreshes
from dev.chaos.waves import Outcome, Waves
from local_platform.airflow_services.local_airflow import LocalAirflowError
from local_platform.console import standard_output
from local_platform.interruption import interrupt_on_stop_signals

DEFAULT_SEED = 20231218
WAVE_SIZE = 24


@dataclass(frozen=True)
class Options:
    """Which cases to run.

    Attributes:
        size: Number of cases of loads; None for all. There are half as many of the marts.
        everything: All combinations of boundary, kind and recovery instead of pairwise combinations.
        seed: Seed of the sample and of the order.
        part: The part of the cases to run, for several machines: its number, from 1, and the number of parts.
        case: The name of the only case; None for the cases above.
        guards: Names of the guards to switch off after the cases, or instead of them.
        only_guards: Run only the guards.
        list_cases: Only list the cases.
        state_dir: Folder for state and logs; None for one that is deleted afterwards.
    """

    size: int | None
    everything: bool
    seed: int
    part: tuple[int, int]
    case: str | None
    guards: tuple[str, ...]
    only_guards: bool
    list_cases: bool
    state_dir: Path | None

    @property
    def is_complete(self) -> bool:
        """Whether these are all cases, so that every fault point must be among them."""
        return self.size is None and self.case is None and self.part[1] == 1 and not self.only_guards


def parse_options(arguments: Sequence[str]) -> Options:
    """Return the options of a command line.

    Args:
        arguments: The command line after the command.
    """
    parser = argparse.ArgumentParser(
        prog="python -m dev chaos",
        usage="%(prog)s [options]",
        description="Break loads at every side effect, recover, and compare the result with a clean load. Break "
        "refreshes of the marts, recover, and compare the result with a full refresh.",
        epilog="Guards: " + "; ".join(f"{guard.name} ({guard.protects})" for guard in GUARDS.values()),
    )
    parser.add_argument(
        "--sample", type=int, metavar="N", help="run N random cases of loads, and half as many of the marts"
    )
    parser.add_argument(
        "--all",
        action="store_true",
        help="run all combinations of fault point, fault and recovery (default: all pairwise combinations)",
    )
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED, help=f"seed of the sample (default: {DEFAULT_SEED})")
    parser.add_argument(
        "--part", type=_part, default=(1, 1), metavar="K/N", help="run the K-th of N parts of the cases (default: 1/1)"
    )
    parser.add_argument("--case", metavar="NAME", help="run one case; --list shows the names")
    parser.add_argument("--guard-off", metavar="NAME", choices=sorted(GUARDS), help="only switch one guard off")
    parser.add_argument("--guards", action="store_true", help="only switch every guard off, one by one")
    parser.add_argument("--without-guards", action="store_true", help="do not switch guards off after the cases")
    parser.add_argument("--list", action="store_true", help="list the cases; this runs two clean loads and refreshes")
    parser.add_argument(
        "--state-dir", type=Path, metavar="FOLDER", help="new folder for state and logs (default: a temporary folder)"
    )
    given = parser.parse_args(arguments)
    if given.sample is not None and given.sample < 1:
        parser.error(f"--sample={given.sample} is too small: use 1 or more")
    if given.state_dir is not None and given.state_dir.exists() and any(given.state_dir.iterdir()):
        parser.error(f"--state-dir={given.state_dir} is not empty: use a new folder")
    alone = given.guards or given.guard_off is not None
    wanted = (given.guard_off,) if given.guard_off else tuple(GUARDS)
    unwanted = given.case is not None or given.sample is not None or given.without_guards
    return Options(
        size=given.sample,
        everything=given.all,
        seed=given.seed,
        part=given.part,
        case=given.case,
        guards=wanted if alone or not unwanted else (),
        only_guards=alone,
        list_cases=given.list,
        state_dir=given.state_dir.resolve() if given.state_dir else None,
    )


def _part(text: str) -> tuple[int, int]:
    number, _, parts = text.partition("/")
    if not (number.isdecimal() and parts.isdecimal() and 1 <= int(number) <= int(parts)):
        raise argparse.ArgumentTypeError(f"{text!r} is not a part such as 1/3")
    return int(number), int(parts)


def main(arguments: Sequence[str]) -> int:
    """Run the harness and return the exit code: 0 if there are no differences and every missing guard was noticed."""
    options = parse_options(arguments)
    console = standard_output()
    interrupt_on_stop_signals()
    # The server would log every response that a fault withholds.
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
    folder = options.state_dir or Path(tempfile.mkdtemp(prefix="crypto-prices-chaos-"))
    keep = options.state_dir is not None
    try:
        code = _Harness(options, console, folder).run()
        if code and not keep:
            keep = True
            console.print(f"Logs, calls and tables are kept in {folder}", soft_wrap=True)
        return code
    except (LocalAirflowError, RuntimeError, TimeoutError) as error:
        console.print(f"[bold red]make chaos:[/] {escape(str(error))}", soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        console.print("make chaos: interrupted")
        return 130
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)


class _Harness:
    def __init__(self, options: Options, console: Console, folder: Path) -> None:
        self._options = options
        self._console = console
        self._folder = folder
        self._shown = ""

    def run(self) -> int:
        began = time.monotonic()
        with Bench(self._folder, on_step=lambda step: self._console.print(f"  {step} …")) as bench:
            waves, marts = Waves(bench, progress=self._progress), MartRefreshes(bench, progress=self._progress)
            boundaries, boundaries_of_marts = waves.clean_run(), marts.clean_run()
            everything, everything_of_marts = all_cases(boundaries), combinations(boundaries_of_marts)
            self._describe("load", boundaries, everything)
            self._describe("refresh of the marts", boundaries_of_marts, everything_of_marts)
            if self._options.list_cases:
                for case in [*everything, *everything_of_marts]:
                    self._console.print(case.name, soft_wrap=True)
                return 0
            cases, cases_of_marts = self._chosen(everything, everything_of_marts)
            # The marts are small before the waves, and each case reads them whole.
            outcomes = self._run_marts(marts, cases_of_marts)
            outcomes += self._run_waves(waves, in_waves(cases), "cases")
            strays = sorted(waves.strays)
            guarded = self._run_waves(waves, guard_waves(self._options.guards), "cases of guards, off and on")
            marts_after = marts.differences() if cases else []
        return self._conclude(
            [*boundaries, *boundaries_of_marts], outcomes, strays, guarded, marts_after, time.monotonic() - began
        )

    def _describe(self, what: str, boundaries: list[str], everything: list[Case]) -> None:
        self._console.print(
            f"A clean {what} has {len(boundaries)} side effects "
            f"({sum(map(is_inside_transaction, boundaries))} of them inside transactions). "
            f"All combinations with faults and recoveries are {len(everything)} cases, the pairwise ones "
            f"{len(paired(everything, self._options.seed))}."
        )

    def _chosen(self, everything: list[Case], everything_of_marts: list[Case]) -> tuple[list[Case], list[Case]]:
        """Return the cases of loads and those of the marts."""
        if self._options.only_guards:
            return [], []
        size = self._options.size
        if self._options.case is None:
            half = None if size is None else max(1, size // 2)
            return self._drawn(everything, size), self._drawn(everything_of_marts, half)
        named = [
            [case for case in cases if case.name == self._options.case] for cases in (everything, everything_of_marts)
        ]
        if not any(named):
            raise RuntimeError(f"unknown case {self._options.case}: make chaos LIST=1 prints the names")
        return named[0], named[1]

    def _drawn(self, everything: list[Case], size: int | None) -> list[Case]:
        seed, (number, parts) = self._options.seed, self._options.part
        alone = self._options.everything or size is not None
        cases = everything if alone else paired(everything, seed)
        return sample(cases, size or len(cases), seed)[number - 1 :: parts]

    def _run_marts(self, marts: MartRefreshes, cases: list[Case]) -> list[Outcome]:
        outcomes: list[Outcome] = []
        for number, case in enumerate(cases, 1):
            self._console.print(f"case {number} of {len(cases)} of the marts: {case.name}", soft_wrap=True)
            outcomes += marts.run([case])
            if outcomes[-1].differences:
                self._show(outcomes[-1])
        return outcomes

    def _run_waves(self, waves: Waves, planned: list[list[Case]], what: str) -> list[Outcome]:
        outcomes: list[Outcome] = []
        for wave in planned:
            first, last = len(outcomes) + 1, len(outcomes) + len(wave)
            self._console.print(f"{what} {first} to {last} of {sum(map(len, planned))}")
            found = waves.run(wave)
            outcomes += found
            for outcome in found:
                if outcome.differences and outcome.case.guard_off is None:
                    self._show(outcome)
            self._console.print(f"  done in {found[0].seconds:.0f} s")
        return outcomes

    def _show(self, outcome: Outcome) -> None:
        self._console.print(f"  [bold red]different:[/] {escape(outcome.case.name)} ({outcome.day})", soft_wrap=True)
        for difference in outcome.differences:
            self._console.print(f"    {escape(difference)}", soft_wrap=True)

    def _progress(self, phase: str, finished: int, total: int) -> None:
        line = f"  {phase}: {finished} of {counted(total, 'run')} finished"
        if self._console.is_terminal:
            self._console.print(line, end="\r")
        elif line != self._shown:
            self._shown = line
            self._console.print(line)

    def _conclude(
        self,
        boundaries: list[str],
        outcomes: list[Outcome],
        strays: list[str],
        guarded: list[Outcome],
        marts_after: list[str],
        seconds: float,
    ) -> int:
        different = [outcome for outcome in outcomes if outcome.differences]
        invalid = [outcome for outcome in [*outcomes, *guarded] if outcome.problem is not None]
        by_case = {outcome.case: outcome for outcome in guarded}
        off = {name: by_case[GUARDS[name].off] for name in self._options.guards}
        controls = {name: by_case[GUARDS[name].control] for name in self._options.guards}
        valid = {name: outcome for name, outcome in off.items() if outcome.problem is None}
        noticed = [name for name, outcome in valid.items() if shown_by(outcome) is not None]
        unnoticed = [name for name in valid if name not in noticed]
        not_right = [name for name, outcome in controls.items() if outcome.differences]
        if guarded:
            table = Table(title="Guards switched off", title_justify="left", title_style="bold")
            for column in ("guard", "noticed", "by"):
                table.add_column(column)
            for name, outcome in off.items():
                by = shown_by(outcome)
                found = ", ".join(outcome.differences) or "nothing"
                shown = outcome.problem or by or f"no expected difference, but: {found}"
                verdict = "[bold red]error[/]" if outcome.problem else "yes" if by else "[bold red]no[/]"
                table.add_row(name, verdict, escape(shown))
            self._console.print(table)
        overcome = [outcome for outcome in outcomes if outcome.overcome]
        tried = {outcome.case.boundary for outcome in outcomes if outcome.case.kind is not None}
        untried = [name for name in boundaries if name not in tried] if self._options.is_complete else []
        if outcomes:
            self._console.print(
                f"{len(tried)} of {len(boundaries)} fault points, "
                f"{counted(sum(outcome.fired for outcome in outcomes), 'fault')}, "
                f"{counted(len(different), 'difference')}"
            )
            self._console.print(
                f"{counted(len(outcomes), 'case')}: {len(outcomes) - len(overcome)} recovered from, "
                f"{len(overcome)} overcome without a recovery"
            )
        for outcome in overcome:
            self._console.print(f"overcome without a recovery: {escape(outcome.case.name)}", soft_wrap=True)
        for name in untried:
            self._console.print(f"[bold red]error:[/] no case breaks the fault point {escape(name)}", soft_wrap=True)
        for outcome in invalid:
            problem = escape(str(outcome.problem))
            self._console.print(f"[bold red]error:[/] {escape(outcome.case.name)}: {problem}", soft_wrap=True)
        for outcome in different:
            self._show(outcome)
        for table_name in strays:
            self._console.print(
                f"[bold red]different:[/] staging table {escape(table_name)} of an unknown load is left over"
            )
        for difference in marts_after:
            self._console.print(f"[bold red]different:[/] the marts after all loads: {escape(difference)}")
        for name in not_right:
            self._console.print(f"[bold red]different, although the guard {name} is on:[/]")
            self._show(controls[name])
        if guarded:
            self._console.print(
                f"noticed: {len(noticed)} of {counted(len(off), 'missing guard')}; "
                f"right with the guard: {len(controls) - len(not_right)} of {counted(len(controls), 'case')}"
            )
        self._console.print(f"Seed {self._options.seed}, {seconds:.0f} s")
        return 1 if different or invalid or untried or strays or unnoticed or not_right or marts_after else 0


def in_waves(cases: list[Case]) -> list[list[Case]]:
    """Split cases into waves."""
    return [cases[first : first + WAVE_SIZE] for first in range(0, len(cases), WAVE_SIZE)]


def guard_waves(names: Sequence[str]) -> list[list[Case]]:
    """Return waves with each guard's case and its control. Cases that disturb other loads come last."""
    guards = [GUARDS[name] for name in names]
    calm = [case for guard in guards for case in ([] if guard.disturbs else [guard.off]) + [guard.control]]
    return in_waves(calm) + in_waves([guard.off for guard in guards if guard.disturbs])


def shown_by(outcome: Outcome) -> str | None:
    """Return the difference that reveals a guard's absence; None if there is none."""
    pattern = GUARDS[str(outcome.case.guard_off)].shows
    return next((found for found in outcome.differences if re.search(pattern, found, re.DOTALL)), None)
