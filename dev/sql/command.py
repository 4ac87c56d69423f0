"""``python -m dev sql``: open psql, or print the rows of one statement.

A statement goes through the Redshift Data API, as on AWS, so it is in Redshift's SQL. psql connects to PostgreSQL.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from dev.sql.row_output import FORMATS, write_rows
from local_platform import state_options
from local_platform.interruption import interrupt_on_stop_signals
from local_platform.open_warehouse import open_warehouse
from local_platform.psql import run_psql
from local_platform.state_options import StateOptions, StateOptionsError
from local_platform.warehouse_address import NoWarehouseError
from local_platform.warehouse_queries import WarehouseQueries, WarehouseQueryError

SQL_VARIABLE = "SQL_STATEMENT"
"""make passes the statement in this environment variable, because a shell would change its quotes and dollars."""

_STATEMENT_SECONDS = 600


@dataclass(frozen=True)
class Options:
    """What to run.

    Attributes:
        sql: The statement; None opens psql.
        row_format: One of FORMATS.
        state: The local AWS's state folder, and the port to start one on if none is running.
    """

    sql: str | None
    row_format: str
    state: StateOptions


def parse_options(arguments: Sequence[str]) -> Options:
    """Return the options of a command line.

    Args:
        arguments: The command line after the command.
    """
    parser = argparse.ArgumentParser(
        prog="python -m dev sql",
        usage="%(prog)s [options]",
        description="Query the warehouse: open psql, or print the rows of a statement. A local AWS or an Airflow that "
        "is running on the state folder is used, and left running. Otherwise a local AWS runs for the duration.",
    )
    parser.add_argument("--sql", metavar="STATEMENT", help="one statement in Redshift's SQL; without it, psql opens")
    parser.add_argument("--format", choices=FORMATS, help="how to print the rows (default: table)")
    state_options.add_options(parser)
    given = parser.parse_args(arguments)
    sql = os.environ.get(SQL_VARIABLE) if given.sql is None else given.sql
    if sql is not None and not sql.strip():
        sql = None
    if sql is None and given.format:
        parser.error(f"FORMAT={given.format} is for a statement: add SQL='SELECT …'")
    return Options(sql, given.format or FORMATS[0], state_options.chosen_options(parser, given))


def main(arguments: Sequence[str]) -> int:
    """Run the statement or psql.

    Returns:
        The exit code: psql's, or 0 if the statement succeeded, 1 if it did not, 130 after Ctrl-C.
    """
    options = parse_options(arguments)
    interrupt_on_stop_signals()
    try:
        with open_warehouse(options.state) as address:
            if options.sql is None:
                return run_psql(address)
            queries = WarehouseQueries(address, timeout_seconds=_STATEMENT_SECONDS)
            write_rows(sys.stdout, queries.result(options.sql), options.row_format)
            return 0
    except (NoWarehouseError, StateOptionsError, WarehouseQueryError) as error:
        print(f"make sql: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        # The reader, such as head, has what it wants. Python would report the error again when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
