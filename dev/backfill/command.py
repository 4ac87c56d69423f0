"""``python -m dev backfill``: load a range of days with the local Airflow and show the result."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import UTC, date, datetime

from dev.backfill.backfill_run import BackfillError, BackfillRun, Options
from dev.backfill.screen import Screen
from local_platform import markets, state_options
from local_platform.airflow_services.local_airflow import LocalAirflowError
from local_platform.interruption import interrupt_on_stop_signals
from local_platform.warehouse_queries import WarehouseQueryError

DEFAULT_MAX_ACTIVE_RUNS = 4


def parse_options(arguments: Sequence[str], today: date | None = None) -> Options:
    """Return the options of a command line.

    Args:
        arguments: The command line after the command.
        today: The current UTC day; replaced in tests.
    """
    parser = argparse.ArgumentParser(
        prog="python -m dev backfill",
        usage="%(prog)s [options]",
        description="Load a range of days with the local Airflow and show the result.",
    )
    today = today or datetime.now(UTC).date()
    parser.add_argument("--from", dest="first", metavar="YYYY-MM-DD", default="", help="first UTC day")
    parser.add_argument("--to", dest="last", metavar="YYYY-MM-DD", default="", help="last UTC day, included")
    parser.add_argument(
        "--max-active-runs",
        type=int,
        default=DEFAULT_MAX_ACTIVE_RUNS,
        help="number of days to load at the same time (default: %(default)s)",
    )
    parser.add_argument(
        "--reprocess",
        choices=("none", "failed", "completed"),
        default="none",
        help="which existing runs to run again (default: %(default)s)",
    )
    parser.add_argument("--backwards", action="store_true", help="start with the last day")
    parser.add_argument("--dry-run", action="store_true", help="only show which days would run")
    markets.add_options(parser)
    state_options.add_options(parser)
    given = parser.parse_args(arguments)
    first = _day(parser, "FROM", given.first)
    last = _day(parser, "TO", given.last)
    if last < first:
        parser.error(f"TO={last} is before FROM={first}")
    if first < markets.FIRST_DAY:
        parser.error(f"FROM={first} is before the first day of the local exchange, {markets.FIRST_DAY}")
    if last >= today:
        parser.error(f"TO={last} has not ended yet (today is {today} in UTC): only closed candles can be loaded")
    if given.max_active_runs < 1:
        parser.error(f"MAX_ACTIVE_RUNS={given.max_active_runs} is too small: use 1 or more")
    chosen = markets.chosen_markets(parser, given)
    return Options(
        first=first,
        last=last,
        max_active_runs=given.max_active_runs,
        reprocess=given.reprocess,
        backwards=given.backwards,
        dry_run=given.dry_run,
        markets=chosen if given.sources or given.symbols or given.market_data else None,
        default_markets=chosen,
        state=state_options.chosen_options(parser, given),
    )


def main(arguments: Sequence[str]) -> int:
    """Run the backfill and return the exit code: 0 if every day succeeded, 1 if not, 130 after Ctrl-C."""
    options = parse_options(arguments)
    screen = Screen()
    interrupt_on_stop_signals()
    try:
        return 0 if BackfillRun(options, screen).execute() else 1
    except (BackfillError, LocalAirflowError, WarehouseQueryError) as error:
        screen.problem(str(error))
        return 1
    except KeyboardInterrupt:
        screen.problem(f"interrupted; loaded data is kept. To resume: make backfill {options.in_words}")
        return 130


def _day(parser: argparse.ArgumentParser, name: str, text: str) -> date:
    if not text:
        parser.error(f"{name} is missing: make backfill FROM=YYYY-MM-DD TO=YYYY-MM-DD")
    try:
        return date.fromisoformat(text)
    except ValueError:
        parser.error(f"{name}={text} is not a date: use YYYY-MM-DD")
