"""``python -m dev demo``: start the local AWS, load one day on it, refresh the marts, and show the result."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from crypto_prices.aws.redshift_data import RedshiftStatementError

from dev.demo.day_run import DayRun, DemoError
from dev.demo.options import Options
from dev.demo.screen import Screen
from local_platform import markets, state_options
from local_platform.interruption import ignore_stop_signals, interrupt_on_stop_signals
from local_platform.state_options import StateOptionsError
from local_platform.warehouse_address import NoWarehouseError
from local_platform.warehouse_queries import WarehouseQueryError


def parse_options(arguments: Sequence[str], today: date | None = None) -> Options:
    """Return the options of a command line.

    Args:
        arguments: The command line after the command.
        today: The current UTC day; replaced in tests.
    """
    parser = argparse.ArgumentParser(
        prog="python -m dev demo",
        usage="%(prog)s [options]",
        description="Load one day on the local AWS, refresh the marts, and show the result and a receipt.",
    )
    today = today or datetime.now(UTC).date()
    parser.add_argument("--date", metavar="YYYY-MM-DD", help="UTC day to load (default: yesterday)")
    markets.add_options(parser)
    parser.add_argument("--live", action="store_true", help="call the real exchange API (needs network access)")
    parser.add_argument("--reload", action="store_true", help="load even what the warehouse already holds")
    state_options.add_options(parser)
    given = parser.parse_args(arguments)
    try:
        day = date.fromisoformat(given.date) if given.date else today - timedelta(days=1)
    except ValueError:
        parser.error(f"DATE={given.date} is not a date: use YYYY-MM-DD")
    if day < markets.FIRST_DAY:
        parser.error(f"DATE={day} is before the first day of the local exchange, {markets.FIRST_DAY}")
    if day >= today:
        parser.error(f"DATE={day} has not ended yet (today is {today} in UTC): only closed candles can be loaded")
    if given.live and given.market_data:
        parser.error("LIVE and MARKET_DATA are mutually exclusive: use one of them")
    chosen = markets.chosen_markets(parser, given, live=given.live)
    return Options(
        day=day,
        markets=chosen,
        live=given.live,
        reload=given.reload,
        state=state_options.chosen_options(parser, given),
    )


def main(arguments: Sequence[str]) -> int:
    """Run the demo and return the exit code: 0 if the run succeeded, 1 if it did not, 130 after Ctrl-C."""
    options = parse_options(arguments)
    screen = Screen()
    interrupt_on_stop_signals()
    run = DayRun(options, screen)
    try:
        return 0 if run.execute() else 1
    except (DemoError, NoWarehouseError, RedshiftStatementError, StateOptionsError, WarehouseQueryError) as error:
        screen.problem(str(error))
        return 1
    except KeyboardInterrupt:
        screen.problem("interrupted, stopping everything. Loaded data is kept; run the same command again to resume")
        return 130
    finally:
        ignore_stop_signals()  # a late Ctrl-C must not leave processes behind
        run.stop()
