"""``python -m dev.demo``: start the local AWS, run one day of crypto_prices_daily on it, show what came of it."""

from __future__ import annotations

import argparse
import signal
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from dev.demo.day_run import DayRun, DemoError, Options
from dev.demo.screen import Screen
from local_platform import markets
from local_platform.airflow_environment import REPOSITORY


def parse_options(arguments: list[str] | None = None, today: date | None = None) -> Options:
    """Return what a person asked for.

    Args:
        arguments: Command line, without the program; the process's own by default.
        today: The current UTC day; replaced in tests.
    """
    parser = argparse.ArgumentParser(
        prog="make demo", description="Run one day of crypto_prices_daily on the local AWS and show the result."
    )
    today = today or datetime.now(UTC).date()
    parser.add_argument("--date", metavar="YYYY-MM-DD", help="UTC day to load (default: yesterday)")
    markets.add_options(parser)
    parser.add_argument("--live", action="store_true", help="take the real exchange API (needs a network)")
    parser.add_argument("--force", action="store_true", help="load even what the warehouse already holds")
    parser.add_argument(
        "--state-dir", metavar="FOLDER", type=Path, default=REPOSITORY / ".local", help="where everything is kept"
    )
    given = parser.parse_args(arguments)
    try:
        day = date.fromisoformat(given.date) if given.date else today - timedelta(days=1)
    except ValueError:
        parser.error(f"DATE={given.date} is not a day: write it as YYYY-MM-DD")
    if day < markets.FIRST_DAY:
        parser.error(f"DATE={day} is before the first day that there are candles of, {markets.FIRST_DAY}")
    if day >= today:
        parser.error(f"DATE={day} has not ended yet (it is {today} in UTC): only closed candles are loaded")
    if given.live and given.market_data:
        parser.error("LIVE and MARKET_DATA exclude each other: take one")
    chosen = markets.chosen_markets(parser, given)
    return Options(
        day=day,
        markets=chosen,
        live=given.live,
        force=given.force,
        state_dir=given.state_dir.resolve(),
    )


def main() -> int:
    """Run the demo and return the exit code: 0 when the run succeeded, 1 when it did not, 130 after Ctrl-C."""
    options = parse_options()
    screen = Screen()
    # A terminal that closes or a `kill` ends the demo as Ctrl-C does: with everything it started.
    for name in ("SIGTERM", "SIGHUP"):
        signal.signal(getattr(signal, name), _interrupt)
    run = DayRun(options, screen)
    try:
        return 0 if run.execute() else 1
    except DemoError as error:
        screen.problem(str(error))
        return 1
    except KeyboardInterrupt:
        screen.problem("interrupted: stopping everything; what is loaded stays, run the same command to go on")
        return 130
    finally:
        # A second Ctrl-C must not leave processes behind either.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        run.stop()


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
